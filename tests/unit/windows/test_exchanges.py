"""Sessions of exchanges, compared with the calendars that the exchanges publish."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import new_york
import pytest

from eventfold.windows import DefinitionError, Slices, Span, exchange

HOUR = 3_600_000

#: Holidays of the New York Stock Exchange, as published; 9 January 2025 mourned a president.
CLOSED = {
    "2024-01-01 2024-01-15 2024-02-19 2024-03-29 2024-05-27",
    "2024-06-19 2024-07-04 2024-09-02 2024-11-28 2024-12-25",
    "2025-01-01 2025-01-09 2025-01-20 2025-02-17 2025-04-18 2025-05-26",
    "2025-06-19 2025-07-04 2025-09-01 2025-11-27 2025-12-25",
}
#: Days on which it closes at 13:00.
HALF = {"2024-07-03", "2024-11-29", "2024-12-24", "2025-07-03", "2025-11-28", "2025-12-24"}


def new_york_sessions(year: int) -> dict[str, Span]:
    """Return the sessions of a year by their dates: 9:30 to 16:00, half days to 13:00."""
    closed = {day for line in CLOSED for day in line.split()}
    sessions = {}
    for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days):
        day = date(year, 1, 1) + timedelta(days=number)
        if day.weekday() < 5 and day.isoformat() not in closed:
            close = new_york.instant(day, 13 if day.isoformat() in HALF else 16)
            sessions[day.isoformat()] = Span(new_york.instant(day, 9, 30), close)
    return sessions


@pytest.mark.parametrize(("year", "days"), [(2024, 252), (2025, 250)])
def test_new_york_sessions_match_the_published_calendar(year: int, days: int) -> None:
    """Through a whole year: holidays, half days, both clock changes."""
    expected = new_york_sessions(year)
    assert len(expected) == days
    definition = exchange("XNYS")
    begin, end = new_york.instant(date(year, 1, 1)), new_york.instant(date(year + 1, 1, 1))
    found = list(definition.over(begin, end, 0, ()))
    assert {definition.name(span.start): span for span in found} == expected
    assert all(definition.slice(span.end - 1) == span for span in found)


def test_gap_between_two_sessions_lies_in_no_window() -> None:
    """Its slice is the whole gap: a night, a weekend, a holiday."""
    definition = exchange("XNYS")
    for one, other in pairwise(new_york_sessions(2024).values()):
        for time in (one.end, (one.end + other.start) // 2, other.start - 1):
            assert not definition.holds(time)
            assert definition.slice(time) == (one.end, other.start)
            assert Slices([definition]).start_of(time) == -1
        assert definition.holds(one.start)
        assert definition.holds(one.end - 1)


def test_after_leaves_out_sessions_that_have_ended() -> None:
    """A session that ends exactly then has ended."""
    definition = exchange("XNYS")
    (friday, monday) = (new_york_sessions(2024)[day] for day in ("2024-03-08", "2024-03-11"))
    begin, end = friday.start, monday.start + 1
    assert list(definition.over(begin, end, 0, ())) == [friday, monday]
    assert list(definition.over(begin, end, friday.end - 1, ())) == [friday, monday]
    assert list(definition.over(begin, end, friday.end, ())) == [monday]
    assert list(definition.over(begin, monday.start, friday.end, ())) == []
    assert list(definition.over(friday.end, monday.start, 0, ())) == []


@pytest.mark.parametrize(("code", "open_", "close"), [("XTKS", 0, 6), ("XHKG", 1.5, 8)])
def test_a_lunch_break_is_part_of_its_session(code: str, open_: float, close: float) -> None:
    """One window from open to close (UTC, on 17 June 2024)."""
    midnight = int(datetime(2024, 6, 17, tzinfo=UTC).timestamp()) * 1000
    session = exchange(code).slice(midnight + 4 * HOUR)
    assert session == (midnight + open_ * HOUR, midnight + close * HOUR)
    assert exchange(code).holds(midnight + 4 * HOUR)


def test_a_session_may_open_the_evening_before() -> None:
    """Futures in Chicago open at 17:00 on Sunday; the session is Monday's."""
    definition = exchange("CMES")
    span = definition.slice(new_york.instant(date(2024, 6, 16), 20))
    assert span.start == new_york.instant(date(2024, 6, 16), 18)
    assert definition.name(span.start) == "2024-06-17"


@pytest.mark.parametrize("code", ["XNYS", "XTKS", "XLON", "24/7", "CMES"])
def test_sessions_never_overlap_nor_exceed_the_declared_longest(code: str) -> None:
    """From 1990, or the calendar's first year, on; as far as it goes."""
    definition = exchange(code)
    spans = list(definition.over(0, 10**14, 0, ()))
    assert len(spans) == len(definition.opens) > 10_000
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert max(end - start for start, end in spans) == definition.longest
    assert definition.size == definition.advance == 24 * HOUR


def test_time_outside_of_an_exchanges_years_raises_value_error() -> None:
    """The record becomes a dead letter that names the exchange and its years."""
    definition = exchange("XNYS")
    first, last = definition.opens[0], definition.closes[-1]
    assert definition.slice(first).start == first
    assert definition.slice(last - 1).end == last
    for time in (0, first - 1, last, last + HOUR):
        for lookup in (definition.slice, definition.holds, Slices([definition]).start_of):
            with pytest.raises(ValueError, match=f"^{time} ms are outside") as caught:
                lookup(time)
            assert "of exchange XNYS, 1990-01-02 to 2099-12-31" in str(caught.value)
    assert list(definition.over(0, first, 0, ())) == []
    assert list(definition.over(last, last + HOUR, 0, ())) == []


def test_aliases_of_an_exchange_return_the_same_object() -> None:
    """So its sessions are read once."""
    assert exchange("NYSE") == exchange("XNYS")
    assert exchange("NYSE") is exchange("XNYS")
    assert str(exchange("NASDAQ")) == "exchange XNYS"
    assert exchange("XNYS") != exchange("XLON")


def test_error_without_the_package_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is an optional extra."""
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(DefinitionError) as caught:
        exchange("XNYS")
    assert str(caught.value) == (
        "exchange XNYS: exchange_calendars is not installed: pip install -e '.[exchanges]'"
    )


def test_calendar_that_the_package_cant_make_is_rejected_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The package's own message has many lines of instants."""
    package = pytest.importorskip("exchange_calendars")

    def fail(code: str) -> None:
        raise ValueError(f"{code} can't be\n" + "made " * 100)

    monkeypatch.setattr(package, "get_calendar", fail)
    with pytest.raises(DefinitionError) as caught:
        exchange("XMAD")
    message = str(caught.value)
    assert message.startswith("exchange XMAD: exchange_calendars can't make its calendar: ")
    assert message.splitlines() == [message]
    assert len(message) < 200


def test_package_is_imported_only_when_an_exchange_is_defined() -> None:
    """The import takes half a second."""
    code = (
        "import sys, eventfold.windows as w; assert 'pandas' not in sys.modules;"
        "w.exchange('XNYS'); assert 'pandas' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
