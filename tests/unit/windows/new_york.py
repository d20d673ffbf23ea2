"""New York's clock changes, computed from the law without a time zone database."""

from datetime import UTC, date, datetime, timedelta

SUNDAY = 6


def _sunday(year: int, month: int, number: int) -> date:
    """Return the n-th Sunday of a month, 0 being the last of the month before."""
    first = date(year, month, 1)
    return first + timedelta(days=(SUNDAY - first.weekday()) % 7 + 7 * (number - 1))


def changes(year: int) -> tuple[date, date]:
    """Return the dates on which clocks go forward and back, at 2:00 (15 U.S.C. 260a).

    Since 2007 the second Sunday in March and the first in November; from 1987 to 2006 the first
    in April and the last in October.
    """
    if year >= 2007:
        return _sunday(year, 3, 2), _sunday(year, 11, 1)
    return _sunday(year, 4, 1), _sunday(year, 11, 0)


def instant(day: date, hour: int = 0, minute: int = 0) -> int:
    """Return the instant (ms) of a time of day in New York, where clocks show it once."""
    forward, back = changes(day.year)
    after_two = timedelta(days=int(hour < 2))
    summer = forward + after_two <= day < back + after_two
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
    return int((local + timedelta(hours=4 if summer else 5)).timestamp()) * 1000
