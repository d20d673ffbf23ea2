"""Times of rows: numbers by magnitude, compact and other forms, zones and changes of clocks."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.connectors.reading.times import FIRST, LAST, DateOrder, TimeReader

#: 2021-01-04T15:30:00.123Z
MS = 1_609_774_200_123
SECOND, MINUTE = MS - 123, MS - 123
DAY = 1_609_718_400_000
FIVE_HOURS = 18_000_000
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("1609774200", SECOND),
        ("1609774200.123", MS),
        ("1609774200123", MS),
        ("1609774200123456", MS),
        ("1609774200123456789", MS),
        (1609774200, SECOND),
        (1609774200.123, MS),
        (1609774200123, MS),
        ("20210104", DAY),
        ("20210104153000", SECOND),
        ("20210104153000123", MS),
        ("202101041530", SECOND),
        ("20210104 153000", SECOND),
        ("20210104 153000123", MS),
        ("20210104 153000.123", MS),
        ("20210104 000000", DAY),
        ("20210104 0", DAY),
        ("20210104 93000", DAY + 34_200_000),
        ("20210104-15:30:00.123", MS),
        ("2021-01-04", DAY),
        ("2021-01-04 15:30", SECOND),
        ("2021-01-04 15:30:00", SECOND),
        ("2021-01-04T15:30:00.123456789Z", MS),
        ("2021-01-04 15:30:00 UTC", SECOND),
        ("2021-01-04T15:30:00-05:00", SECOND + FIVE_HOURS),
        ("2021-01-04 15:30:00-0500", SECOND + FIVE_HOURS),
        ("2021-01-04 15:30:00-05", SECOND + FIVE_HOURS),
        ("2021-01-04 15:30:00 +0000", SECOND),
        ("2021/1/4", DAY),
        ("2021.01.04 15:30", SECOND),
        ("04.01.2021 15:30", SECOND),
        ("04.01.2021 15:30:00.123", MS),
        ("2021-01-04 9:30", DAY + 34_200_000),
        ("1/13/2021", DAY + 9 * 86_400_000),
        ("13/1/2021", DAY + 9 * 86_400_000),
        ("Jan 4, 2021", DAY),
        ("4 January 2021", DAY),
        ("04-Jan-2021 15:30:00", SECOND),
        ("2021-01-04 3:30:00 PM", SECOND),
        ("2021-01-04 12:00:00 AM", DAY),
        (date(2021, 1, 4), DAY),
        (datetime(2021, 1, 4, 15, 30), SECOND),  # noqa: DTZ001 - as Parquet has them
        (datetime(2021, 1, 4, 15, 30, tzinfo=timezone(timedelta(hours=-5))), SECOND + FIVE_HOURS),
    ],
)
def test_form_of_a_time_is_recognised(value: Any, time: int) -> None:
    """One without a zone is in UTC; units of numbers are told by their magnitude."""
    assert TimeReader().read(value) == time


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("173568960012345", "microseconds? That would be in 1975"),
        ("4200000000", "seconds? That would be in 2103"),
        ("1", "no time in seconds, ms, µs or ns"),
        ("01/02/2021", "is 01 the day or the month? --dates dmy or --dates mdy"),
        ("01/02/03", "which is the year?"),
        ("2021-02-30", "does not exist"),
        ("20211301", "does not exist"),
        ("2021-01-04 15:30:00 EST", "which zone is EST? --zone tells"),
        ("yesterday", "is no time"),
        ("15:30:00", "is no time"),
        ("", "is no time"),
        (True, "is no time"),
        ([1], "is no time"),
    ],
)
def test_what_is_not_clear_is_refused_with_the_reason(value: Any, reason: str) -> None:
    """Rather than put into some year."""
    with pytest.raises(ValueError, match=reason.replace("?", r"\?")):
        TimeReader().read(value)


@given(st.integers(FIRST, LAST - 1), st.integers(0, 999_999))
def test_numbers_of_every_unit_are_the_same_time(ms: int, rest: int) -> None:
    """Of 1990 to 2100: no two units can be mistaken for each other."""
    read = TimeReader().read
    assert read(str(ms)) == ms
    assert read(f"{ms // 1000}.{ms % 1000:03}") == ms
    assert read(str(ms * 1000 + rest % 1000)) == ms
    assert read(str(ms * 1_000_000 + rest)) == ms


@given(st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 31)))  # noqa: DTZ001 - below
def test_compact_forms_are_the_time_that_they_write(moment: datetime) -> None:
    """14 and 17 digits, whatever the number would be in another unit."""
    ms = round(moment.replace(microsecond=0, tzinfo=UTC).timestamp()) * 1000
    read = TimeReader().read
    assert read(moment.strftime("%Y%m%d%H%M%S")) == ms
    assert read(moment.strftime("%Y%m%d%H%M%S") + "042") == ms + 42
    assert read(moment.strftime("%Y%m%d %H%M%S")) == ms


@pytest.mark.parametrize(("order", "day", "month"), [("dmy", 1, 2), ("mdy", 2, 1)])
def test_order_of_dates_is_as_told(order: DateOrder, day: int, month: int) -> None:
    """Where it can't be seen."""
    expected = round(datetime(2021, month, day, tzinfo=UTC).timestamp()) * 1000
    assert TimeReader(order=order).read("01/02/2021") == expected
    assert TimeReader(order=order).read("01-02-21 00:00:00.000") == expected


def test_zone_is_of_times_that_have_none_and_those_are_counted() -> None:
    """In summer and in winter."""
    times = TimeReader(BERLIN)
    assert times.read("2021-01-04 16:30:00") == SECOND
    assert times.read("2021-07-04 17:30") == SECOND + 181 * 86_400_000
    assert times.read("2021-01-04 15:30:00Z") == SECOND
    assert times.read("2021-01-04 16:30:00 CET") == SECOND
    assert times.read("1609774200") == SECOND
    assert times.unzoned == 3


def test_time_that_clocks_skip_is_refused() -> None:
    """02:30 on the day on which 03:00 follows 02:00."""
    with pytest.raises(ValueError, match="does not exist in Europe/Berlin: clocks were put"):
        TimeReader(BERLIN).read("2021-03-28 02:30")


def test_hour_that_clocks_show_twice_is_the_second_after_the_first() -> None:
    """In a file in order both hours are read; what was assumed is counted."""
    times = TimeReader(BERLIN)
    written = ["02:00", "02:59:59", "02:00:00", "02:30", "02:59:59", "03:00"]
    read = [times.read(f"2021-10-31 {clock}") for clock in written]
    start = round(datetime(2021, 10, 31, tzinfo=UTC).timestamp())
    assert [at // 1000 - start for at in read] == [0, 3599, 3600, 5400, 7199, 7200]
    assert times.assumed == {
        "the first of two, as clocks were put back": 2,
        "the second of two, as clocks were put back": 3,
    }
