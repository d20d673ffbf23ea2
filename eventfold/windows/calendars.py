"""Days, weeks and months as people live them: from local midnight to local midnight.

A window is that of a period of local dates, in any IANA zone, and begins

    start(d) = the first instant whose local date is d, the period's first date, or later

so an instant of every clock change has its place: a day has 23 or 25 hours where clocks are
changed; it begins at 1:00 where they skip midnight (Cairo, Beirut, São Paulo until 2018) and
at the first of two midnights (Havana); a date that a zone left out (30 December 2011 in Apia) has
no window. What clocks do is that of the IANA time zone database, by Python's `zoneinfo`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from eventfold.windows.durations import UNITS
from eventfold.windows.errors import DefinitionError
from eventfold.windows.family import NOWHERE, Span

DAY = UNITS["d"]
MONDAY = date(1970, 1, 5)

#: Names of the database that mean no place: the machine's own zone, and clocks with leap seconds.
NO_PLACES = ("localtime", "Factory", "posix", "right/")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days, weeks or months of a zone. Make one by `day`, `week` or `month`.

    Sizes are nominal: 1, 7 and 30 days. A hit of the period that was asked for last costs a
    comparison, since nearly every record of a table is one.
    """

    period: str
    zone: str
    #: The period that was asked for last. No part of what the family is.
    _recent: list[Span] = field(
        default_factory=lambda: [NOWHERE], init=False, repr=False, compare=False
    )

    def __str__(self) -> str:
        """Give what `parse_window` reads: `day Europe/Berlin`."""
        return f"{self.period} {self.zone}"

    @property
    def size(self) -> int:
        """The nominal length, ms: that of 1, 7 or 30 days of 24 hours."""
        return PERIODS[self.period].size

    @property
    def advance(self) -> int:
        """Periods follow one another: the same as the size, ms."""
        return self.size

    @property
    def longest(self) -> int:
        """The most days that a period has, and one more, ms.

        No clock is ever set back by more than a day: a zone that changes to the other side of
        the date line lives one date twice.
        """
        return PERIODS[self.period].longest

    @property
    def grid(self) -> None:
        """There is none: periods differ in length."""

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:  # noqa: ARG002
        """Give the periods that overlap `[begin, end)` and end after `after`, ascending (ms)."""
        number = self._number(max(begin, after))
        start, stop = self._bounds(number)
        while start < end:
            # A date that the zone left out is no period; nor is what began before the epoch.
            if 0 <= start < stop:
                yield Span(start, stop)
            number += 1
            start, stop = stop, self._bounds(number)[1]

    def slice(self, time: int) -> Span:
        """Give the period that holds `time` (ms).

        Raises ValueError for an instant that has no date.
        """
        (recent,) = self._recent
        if recent.start <= time < recent.end:
            return recent
        start, stop = self._bounds(self._number(time))
        recent = Span(max(0, start), stop)
        self._recent[:] = (recent,)
        return recent

    def holds(self, time: int) -> bool:
        """Say whether the period around `time` (ms) is a window: all are but that of the epoch."""
        return self._bounds(self._number(time))[0] >= 0

    def name(self, start: int) -> str:
        """Give the first local date of the period that starts at `start` (ms).

        As `YYYY-MM-DD`; a month as `YYYY-MM`.
        """
        written = _date_at(start, self.zone).isoformat()
        return written[:7] if self.period == "month" else written

    def _number(self, time: int) -> int:
        number = PERIODS[self.period].number(_date_at(time, self.zone))
        # A clock set back over midnight shows the old date again, in a period that has begun.
        while self._bounds(number)[1] <= time:
            number += 1
        return number

    def _bounds(self, number: int) -> tuple[int, int]:
        first = PERIODS[self.period].first
        try:
            return _begin(first(number), self.zone), _begin(first(number + 1), self.zone)
        except (ValueError, OverflowError):
            raise ValueError(f"{self} ends with the year 9999") from None


def day(zone: str) -> Calendar:
    """Give the days of an IANA zone such as `America/New_York`. DefinitionError: there is none."""
    return _calendar("day", zone)


def week(zone: str) -> Calendar:
    """Give the weeks of an IANA zone, Monday to Sunday (ISO 8601). DefinitionError as `day`."""
    return _calendar("week", zone)


def month(zone: str) -> Calendar:
    """Give the months of an IANA zone. DefinitionError as `day`."""
    return _calendar("month", zone)


def is_zone(name: str) -> bool:
    """Say whether there is an IANA zone of this name."""
    if name.startswith(NO_PLACES):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _calendar(period: str, zone: str) -> Calendar:
    if not isinstance(zone, str) or not is_zone(zone):
        raise DefinitionError(f"{zone!r} is not an IANA time zone such as America/New_York")
    return Calendar(period, zone)


@dataclass(frozen=True, slots=True)
class _Period:
    """How dates make periods, which are numbered; sizes in ms."""

    size: int
    longest: int
    number: Callable[[date], int]
    first: Callable[[int], date]


def _month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_of_month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


PERIODS = {
    "day": _Period(DAY, 2 * DAY, date.toordinal, date.fromordinal),
    "week": _Period(
        7 * DAY,
        8 * DAY,
        lambda day: (day - MONDAY).days // 7,
        lambda number: MONDAY + timedelta(weeks=number),
    ),
    "month": _Period(30 * DAY, 32 * DAY, _month_of, _first_of_month),
}


def _date_at(instant: int, zone: str) -> date:
    # Clocks change at whole seconds; a float of seconds would round up to the next date.
    try:
        return datetime.fromtimestamp(instant // 1000, ZoneInfo(zone)).date()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{instant} ms have no date in {zone}") from None


@lru_cache(maxsize=4096)
def _begin(first: date, zone: str) -> int:
    """Give the first instant (ms) whose local date is `first` or later.

    Midnight, the first of two. Where clocks skip it, the offsets before and after (PEP 495:
    fold 0 and 1) put it on either side of the change, which is then searched for.
    """
    clock = ZoneInfo(zone)
    midnight = datetime.combine(first, time(), clock)
    found = int(midnight.timestamp())
    if datetime.fromtimestamp(found, clock) == midnight:
        return found * 1000
    before = int(midnight.replace(fold=1).timestamp())
    while found - before > 1:
        middle = (before + found) // 2
        if _date_at(middle * 1000, zone) < first:
            before = middle
        else:
            found = middle
    return found * 1000
