"""Sessions of exchanges, against what the exchanges themselves publish."""

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
def test_sessions_in_new_york_are_those_published(year: int, days: int) -> None:
    """A whole year of them: holidays, half days, both changes of the clocks."""
    expected = new_york_sessions(year)
    assert len(expected) == days
    family = exchange("XNYS")
    begin, end = new_york.instant(date(year, 1, 1)), new_york.instant(date(year + 1, 1, 1))
    found = list(family.over(begin, end, 0, ()))
    assert {family.name(span.start): span for span in found} == expected
    assert all(family.slice(span.end - 1) == span for span in found)


def test_between_two_sessions_there_is_no_window() -> None:
    """The slice there is the gap: a night, a weekend, a holiday."""
    family = exchange("XNYS")
    for one, other in pairwise(new_york_sessions(2024).values()):
        for time in (one.end, (one.end + other.start) // 2, other.start - 1):
            assert not family.holds(time)
            assert family.slice(time) == (one.end, other.start)
            assert Slices([family]).start_of(time) == -1
        assert family.holds(one.start)
        assert family.holds(one.end - 1)


def test_after_gives_the_sessions_that_have_not_ended() -> None:
    """One that ends at the very instant has."""
    family = exchange("XNYS")
    (friday, monday) = (new_york_sessions(2024)[day] for day in ("2024-03-08", "2024-03-11"))
    begin, end = friday.start, monday.start + 1
    assert list(family.over(begin, end, 0, ())) == [friday, monday]
    assert list(family.over(begin, end, friday.end - 1, ())) == [friday, monday]
    assert list(family.over(begin, end, friday.end, ())) == [monday]
    assert list(family.over(begin, monday.start, friday.end, ())) == []
    assert list(family.over(friday.end, monday.start, 0, ())) == []


@pytest.mark.parametrize(("code", "open_", "close"), [("XTKS", 0, 6), ("XHKG", 1.5, 8)])
def test_a_lunch_break_is_part_of_its_session(code: str, open_: float, close: float) -> None:
    """One window from open to close (UTC, on 17 June 2024)."""
    midnight = int(datetime(2024, 6, 17, tzinfo=UTC).timestamp()) * 1000
    session = exchange(code).slice(midnight + 4 * HOUR)
    assert session == (midnight + open_ * HOUR, midnight + close * HOUR)
    assert exchange(code).holds(midnight + 4 * HOUR)


def test_a_session_may_begin_the_evening_before() -> None:
    """Futures in Chicago open at 17:00 on Sunday; the session is Monday's."""
    family = exchange("CMES")
    span = family.slice(new_york.instant(date(2024, 6, 16), 20))
    assert span.start == new_york.instant(date(2024, 6, 16), 18)
    assert family.name(span.start) == "2024-06-17"


@pytest.mark.parametrize("code", ["XNYS", "XTKS", "XLON", "24/7", "CMES"])
def test_sessions_never_overlap_and_none_is_longer_than_the_longest(code: str) -> None:
    """From 1990, or the calendar's first year, on; as far as it goes."""
    family = exchange(code)
    spans = list(family.over(0, 10**14, 0, ()))
    assert len(spans) == len(family.opens) > 10_000
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert max(end - start for start, end in spans) == family.longest
    assert family.size == family.advance == 24 * HOUR


def test_outside_of_its_years_an_exchange_knows_nothing() -> None:
    """A record of then is a dead letter that names the exchange and its years."""
    family = exchange("XNYS")
    first, last = family.opens[0], family.closes[-1]
    assert family.slice(first).start == first
    assert family.slice(last - 1).end == last
    for time in (0, first - 1, last, last + HOUR):
        for ask in (family.slice, family.holds, Slices([family]).start_of):
            with pytest.raises(ValueError, match=f"^{time} ms are outside") as caught:
                ask(time)
            assert "of exchange XNYS, 1990-01-02 to 2099-12-31" in str(caught.value)
    assert list(family.over(0, first, 0, ())) == []
    assert list(family.over(last, last + HOUR, 0, ())) == []


def test_other_names_of_an_exchange_mean_the_same() -> None:
    """And the same object: its sessions are read once."""
    assert exchange("NYSE") == exchange("XNYS")
    assert exchange("NYSE") is exchange("XNYS")
    assert str(exchange("NASDAQ")) == "exchange XNYS"
    assert exchange("XNYS") != exchange("XLON")


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is an optional extra."""
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(DefinitionError) as caught:
        exchange("XNYS")
    assert str(caught.value) == (
        "exchange XNYS: exchange_calendars is not installed: install tickstream[exchanges]"
    )


def test_a_calendar_that_the_package_cant_make_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own reason is many lines of instants."""
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


def test_the_package_is_loaded_where_an_exchange_is_asked_for() -> None:
    """Half a second that nobody else waits for."""
    code = (
        "import sys, eventfold.windows as w; assert 'pandas' not in sys.modules;"
        "w.exchange('XNYS'); assert 'pandas' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
