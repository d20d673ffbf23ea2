"""Days, weeks and months of time zones, compared with the law and another implementation."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import new_york
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.windows import Span, day, exchange, month, week
from eventfold.windows.calendars import PERIODS, is_zone

HOUR = 3_600_000
FIRST, LAST = date(1990, 1, 1), date(2031, 1, 1)

#: Where clocks do odd things: midnight that is skipped or comes twice, dates left out, changes of
#: half an hour and of three, offsets of 45 minutes, four changes a year.
ODD_ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Goose_Bay",
    "America/Havana",
    "America/Santiago",
    "America/Sao_Paulo",
    "Antarctica/Casey",
    "Antarctica/Vostok",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
]


def utc(*fields: int) -> int:
    """Return the instant (ms) of a date and time in UTC."""
    return int(datetime(*fields, tzinfo=UTC).timestamp()) * 1000


def dates(first: date, last: date) -> list[date]:
    """Return all dates from the first on, before the last."""
    return [first + timedelta(days=n) for n in range((last - first).days)]


def test_new_york_days_run_from_local_midnight_to_midnight() -> None:
    """Date, start and end of each day in 41 years, computed from the law."""
    found = list(
        day("America/New_York").over(new_york.instant(FIRST), new_york.instant(LAST), 0, ())
    )
    every = dates(FIRST, LAST)
    starts = [*map(new_york.instant, every), new_york.instant(LAST)]
    assert found == [Span(*each) for each in pairwise(starts)]
    names = [day("America/New_York").name(span.start) for span in found]
    assert names == [each.isoformat() for each in every]


@pytest.mark.parametrize(
    ("changed", "hours"),
    [
        (date(2024, 3, 10), 23),
        (date(2024, 11, 3), 25),
        (date(2025, 3, 9), 23),
        (date(2025, 11, 2), 25),
    ],
)
def test_day_of_a_clock_change_has_23_or_25_hours(changed: date, hours: int) -> None:
    """All its instants lie in it, and the days before and after it have 24."""
    days = day("America/New_York")
    start = new_york.instant(changed)
    assert start == utc(changed.year, changed.month, changed.day, 4 if hours == 25 else 5)
    span = days.slice(start)
    assert span == (start, start + hours * HOUR)
    assert {days.slice(start + n * HOUR // 4) for n in range(4 * hours)} == {span}
    for beside in (days.slice(start - 1), days.slice(span.end)):
        assert beside.end - beside.start == 24 * HOUR


def test_weeks_begin_on_mondays_and_months_on_the_first() -> None:
    """Weeks are named by their date, months by year and month."""
    for definition, begins, written in (
        (week("America/New_York"), lambda d: d.weekday() == 0, date.isoformat),
        (month("America/New_York"), lambda d: d.day == 1, lambda d: f"{d:%Y-%m}"),
    ):
        firsts = [d for d in dates(FIRST, LAST) if begins(d)]
        starts = list(map(new_york.instant, firsts))
        found = list(definition.over(starts[0], starts[-1], 0, ()))
        assert found == [Span(*each) for each in pairwise(starts)]
        assert [definition.name(span.start) for span in found] == list(map(written, firsts[:-1]))


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_days_begin_where_polars_first_sees_their_date(zone: str) -> None:
    """Every quarter of an hour of 35 years: where the latest date seen so far changes."""
    first, last = datetime(1990, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    seen = pl.select(pl.datetime_range(first, last, "15m", time_unit="ms").alias("time"))
    seen = seen.with_columns(date=pl.col("time").dt.convert_time_zone(zone).dt.date().cum_max())
    begins = seen.filter(pl.col("date") != pl.col("date").shift())
    starts = begins["time"].dt.epoch("ms").to_list()
    found = list(day(zone).over(starts[0], starts[-1], 0, ()))
    assert found == [Span(*each) for each in pairwise(starts)]
    names = [date.fromisoformat(day(zone).name(span.start)) for span in found]
    assert names == begins["date"].to_list()[:-1]


@pytest.mark.parametrize(
    ("zone", "instant", "start", "hours"),
    [
        # Clocks go from 0:00 to 1:00, and from 0:00 back to 23:00.
        ("America/Sao_Paulo", utc(2018, 11, 4, 12), utc(2018, 11, 4, 3), 23),
        ("America/Sao_Paulo", utc(2018, 2, 17, 12), utc(2018, 2, 17, 2), 25),
        # From 1:00 back to 0:00: the day begins with the first of its two midnights.
        ("America/Havana", utc(2024, 11, 3, 12), utc(2024, 11, 3, 4), 25),
        # From 0:01 back to 23:01 of the day before, which had ended at the first midnight.
        ("America/Goose_Bay", utc(2010, 11, 7, 3), utc(2010, 11, 7, 3), 25),
        ("America/Goose_Bay", utc(2010, 11, 7, 3, 30), utc(2010, 11, 7, 3), 25),
        # 30 December 2011 was left out.
        ("Pacific/Apia", utc(2011, 12, 30, 9, 59), utc(2011, 12, 29, 10), 24),
        ("Pacific/Apia", utc(2011, 12, 30, 10), utc(2011, 12, 30, 10), 24),
    ],
)
def test_instant_during_a_clock_change_lies_in_one_day(
    zone: str, instant: int, start: int, hours: int
) -> None:
    """The day that began last, which ends where the next one first begins."""
    assert day(zone).slice(instant) == (start, start + hours * HOUR)


def test_date_that_a_zone_skipped_has_no_day() -> None:
    """After the 29th came the 31st; the week had six days."""
    days = day("Pacific/Apia").over(utc(2011, 12, 29), utc(2012, 1, 1), 0, ())
    names = [day("Pacific/Apia").name(span.start) for span in days]
    assert names == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    start, end = week("Pacific/Apia").slice(utc(2011, 12, 30, 12))
    assert end - start == 6 * 24 * HOUR


def test_no_day_of_any_zone_exceeds_the_declared_longest() -> None:
    """From 1973 to 2040, in all zones: days follow one another, the longest had 31 hours.

    Only weeks after which a zone has another offset from UTC are checked.
    """
    weeks = range(utc(1973, 1, 1) // 1000, utc(2041, 1, 1) // 1000, 7 * 86_400)
    longest = 0
    for zone in filter(is_zone, available_timezones()):
        clock = ZoneInfo(zone)
        offsets = [datetime.fromtimestamp(each, clock).utcoffset() for each in weeks]
        for begin, (before, after) in zip(weeks, pairwise(offsets), strict=False):
            if before != after:
                spans = list(day(zone).over(begin * 1000, (begin + 7 * 86_400) * 1000, 0, ()))
                assert all(one.end == other.start for one, other in pairwise(spans))
                longest = max(longest, *(end - start for start, end in spans))
    assert longest == 31 * HOUR  # Vostok, on 31 January 1994
    assert longest <= day("UTC").longest


@given(
    st.sampled_from([day, week, month]),
    st.sampled_from([*ODD_ZONES, "UTC", "America/New_York"]),
    st.integers(10**11, 4 * 10**12),
    st.integers(1, 10**10),
    st.integers(-(10**10), 2 * 10**10),
)
def test_periods_over_an_interval_are_contiguous(
    make, zone: str, begin: int, length: int, lag: int
) -> None:
    """From the period of its first instant to that of its last; `after` leaves out ended ones."""
    definition = make(zone)
    end, after = begin + length, begin + lag
    found = list(definition.over(begin, end, 0, ()))
    assert found[0] == definition.slice(begin)
    assert found[-1] == definition.slice(end - 1)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(span.end - span.start <= definition.longest for span in found)
    for span in found:
        assert definition.slice(span.start) == definition.slice(span.end - 1) == span
        assert definition.holds(span.start)
    assert list(definition.over(begin, end, after, ())) == [s for s in found if s.end > after]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_no_period_begins_before_the_epoch(zone: str) -> None:
    """The period that the epoch cuts off is no window."""
    for definition in (day(zone), week(zone), month(zone)):
        first = next(definition.over(0, 10**10, 0, ()))
        assert first.start >= 0
        if first.start:
            assert definition.slice(0) == (0, first.start)
            assert not definition.holds(first.start - 1)
        assert definition.holds(first.start)


@pytest.mark.parametrize("make", [day, week, month])
def test_an_instant_without_a_date_raises_value_error(make) -> None:
    """A record with such a time becomes a dead letter, and does not stop its task."""
    for instant in (10**18, 253_402_300_800_000, 253_402_300_799_999):
        with pytest.raises(ValueError, match=r"have no date in|ends with the year 9999"):
            make("UTC").slice(instant)


def test_repr_of_a_calendar_shows_only_its_definition() -> None:
    """Neither its tens of thousands of sessions nor its cached answers."""
    assert repr(exchange("XNYS")) == "Exchange(code='XNYS')"
    assert repr(day("UTC")) == "Calendar(period='day', zone='UTC')"


def test_size_of_a_calendar_window_is_nominal() -> None:
    """The size of a day is 1d, whatever the clocks do."""
    definitions = day("Europe/Berlin"), week("Europe/Berlin"), month("Europe/Berlin")
    for definition, days in zip(definitions, (1, 7, 30), strict=True):
        assert definition.size == definition.advance == days * 24 * HOUR
        # Panes are retained for the longest period there can be, and a day of a clock change.
        most = 31 if days == 30 else days
        assert definition.longest == (most + 1) * 24 * HOUR
        assert definition.grid is None
    assert set(PERIODS) == {"day", "week", "month"}
