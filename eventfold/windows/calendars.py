"""Calendar windows: local days, weeks and months, from local midnight to local midnight.

A window covers a period of local dates in an IANA zone. If d is the period's first date, it begins
at

    start(d) = the first instant whose local date is d or later

So every instant of a clock change is in one window. A day has 23 or 25 hours if clocks change in
it. It begins at 1:00 if they skip midnight (Cairo, Beirut, São Paulo until 2018), and at the first
of two midnights (Havana). A date that a zone left out (30 December 2011 in Apia) has no window.
Clock changes are those of the IANA time zone database, by Python's `zoneinfo`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from eventfold.windows.definition import NOWHERE, Span
from eventfold.windows.durations import UNITS
from eventfold.windows.errors import DefinitionError

DAY = UNITS["d"]
MONDAY = date(1970, 1, 5)

#: Names in the database that are not zones of a place: the machine's own zone, and clocks with
#: leap seconds.
NO_PLACES = ("localtime", "Factory", "posix", "right/")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Window definition: the days, weeks or months of a zone. Make one by `day`, `week`, `month`.

    Sizes are nominal: 1, 7 and 30 days. The period returned last is cached, since nearly every
    record of a table is in it; such a hit costs one comparison.
    """

    period: str
    zone: str
    #: The period returned last, a cache; not part of the definition.
    _recent: list[Span] = field(
        default_factory=lambda: [NOWHERE], init=False, repr=False, compare=False
    )

    def __str__(self) -> str:
        """Return the text that `parse_window` parses: `day Europe/Berlin`."""
        return f"{self.period} {self.zone}"

    @property
    def size(self) -> int:
        """Nominal length, ms: 1, 7 or 30 days of 24 hours."""
        return PERIODS[self.period].size

    @property
    def advance(self) -> int:
        """Nominal distance of two windows, ms: the size, since periods follow one another."""
        return self.size

    @property
    def longest(self) -> int:
        """Bound of a window's length, ms: the most days of a period, and one more."""
        # A clock is set back by a day at most: a zone that moves across the date line has one date
        # twice.
        return PERIODS[self.period].longest

    @property
    def grid(self) -> None:
        """None: periods differ in length, so they are not on a grid."""

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:  # noqa: ARG002
        """Yield the periods that overlap `[begin, end)` and end after `after`, ascending (ms)."""
        number = self._number(max(begin, after))
        start, stop = self._bounds(number)
        while start < end:
            # A date that the zone left out has no period, and no window begins before the epoch.
            if 0 <= start < stop:
                yield Span(start, stop)
            number += 1
            start, stop = stop, self._bounds(number)[1]

    def slice(self, time: int) -> Span:
        """Return the period that holds `time` (ms), cut off at the epoch.

        Raises ValueError if the instant has no date in the zone, or the period ends after 9999.
        """
        (recent,) = self._recent
        if recent.start <= time < recent.end:
            return recent
        start, stop = self._bounds(self._number(time))
        recent = Span(max(0, start), stop)
        self._recent[:] = (recent,)
        return recent

    def holds(self, time: int) -> bool:
        """Return whether the period around `time` (ms) is a window, not before the epoch."""
        return self._bounds(self._number(time))[0] >= 0

    def name(self, start: int) -> str:
        """Return the first local date of the period at `start` (ms): `YYYY-MM-DD` or `YYYY-MM`."""
        written = _date_at(start, self.zone).isoformat()
        return written[:7] if self.period == "month" else written

    def _number(self, time: int) -> int:
        number = PERIODS[self.period].number(_date_at(time, self.zone))
        # A clock set back over midnight shows the old date again although the new period has begun.
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
    """Return the days of an IANA zone such as `America/New_York`, as a window definition.

    Raises DefinitionError if there is no such zone.

    >>> str(day("Europe/Berlin"))
    'day Europe/Berlin'
    """
    return _calendar("day", zone)


def week(zone: str) -> Calendar:
    """Return the weeks of an IANA zone, Monday to Sunday (ISO 8601). Raises as `day` does."""
    return _calendar("week", zone)


def month(zone: str) -> Calendar:
    """Return the months of an IANA zone. Raises DefinitionError as `day` does."""
    return _calendar("month", zone)


def is_zone(name: str) -> bool:
    """Return whether there is an IANA zone of this name."""
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
    """Numbering of periods: the number of a date, the first date of a number; sizes in ms."""

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
    # Whole seconds suffice, since clocks change at them; a float could round up to the next date.
    try:
        return datetime.fromtimestamp(instant // 1000, ZoneInfo(zone)).date()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{instant} ms have no date in {zone}") from None


@lru_cache(maxsize=4096)
def _begin(first: date, zone: str) -> int:
    """Return the first instant (ms) whose local date is `first` or later."""
    # It is midnight, or the first of two. If clocks skip midnight, the UTC offsets before and after
    # the change (PEP 495: fold 0 and 1) give an instant on either side of it; a binary search
    # between them finds the change.
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
