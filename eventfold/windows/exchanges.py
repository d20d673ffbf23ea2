"""Trading sessions of an exchange: from its opening to its close, on the days it trades.

What they are is what the package `exchange_calendars` knows: holidays and half days, the past
ones as they were, the coming ones as they are announced or follow from the exchange's rules. It
is an optional extra, and loaded only where an exchange is asked for.
"""

import warnings
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import import_module
from textwrap import shorten
from typing import Any

from eventfold.windows.durations import UNITS
from eventfold.windows.errors import DefinitionError
from eventfold.windows.family import NOWHERE, Span

DAY = UNITS["d"]

#: The dates that sessions are made for, as far as the calendar's own bounds allow it.
FIRST, LAST = "1990-01-01", "2099-12-31"

#: So many characters of the package's own reason stand in an error.
MOST_REASON = 100


@dataclass(frozen=True, slots=True)
class Exchange:
    """The sessions `[open, close)` of an exchange, a window each. Make one by `exchange`.

    Between two sessions there is no window: what happens there is in none. A lunch break (Hong
    Kong, Tokyo) does not divide a session: its window reaches from open to close. Sessions may
    begin the evening before the date they are named by (futures). The previous close is the
    last of the session before: its pane is the nearest older one.

    Sizes are nominal: a day. Outside of the years known, nothing can be said of an instant.
    """

    code: str
    #: Open and close of each session, ms, ascending; and its date, as `date.toordinal` gives it.
    opens: "array[int]" = field(repr=False, compare=False)
    closes: "array[int]" = field(repr=False, compare=False)
    dates: "array[int]" = field(repr=False, compare=False)
    #: No session is longer than this, ms.
    longest: int = field(repr=False, compare=False)
    #: The slice that was asked for last.
    _recent: list[Span] = field(
        default_factory=lambda: [NOWHERE], init=False, repr=False, compare=False
    )

    def __str__(self) -> str:
        """Give what `parse_window` reads: `exchange XNYS`."""
        return f"exchange {self.code}"

    @property
    def size(self) -> int:
        """The nominal length, ms: a day."""
        return DAY

    @property
    def advance(self) -> int:
        """The nominal distance of two sessions, ms: a day."""
        return DAY

    @property
    def grid(self) -> None:
        """There is none: sessions follow a calendar."""

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:  # noqa: ARG002
        """Give the sessions that overlap `[begin, end)` and end after `after`, ascending (ms)."""
        for index in range(bisect_right(self.closes, max(begin, after)), len(self.opens)):
            start = self.opens[index]
            if start >= end:
                return
            yield Span(start, self.closes[index])

    def slice(self, time: int) -> Span:
        """Give the session that holds `time` (ms), or the gap between two.

        Raises ValueError for an instant outside of the years known.
        """
        (recent,) = self._recent
        if recent.start <= time < recent.end:
            return recent
        index = self._opened(time)
        start, stop = self.opens[index], self.closes[index]
        recent = Span(start, stop) if time < stop else Span(stop, self.opens[index + 1])
        self._recent[:] = (recent,)
        return recent

    def holds(self, time: int) -> bool:
        """Say whether the exchange is open at `time` (ms). Raises ValueError as `slice` does."""
        return time < self.closes[self._opened(time)]

    def name(self, start: int) -> str:
        """Give the date of the session that opened at `start` (ms) or last before, as YYYY-MM-DD.

        Raises ValueError as `slice` does.
        """
        return self._date(self._opened(start))

    def _opened(self, time: int) -> int:
        """Give the number of the last session that opened at `time` (ms) or before."""
        if not self.opens[0] <= time < self.closes[-1]:
            raise ValueError(
                f"{time} ms are outside of the sessions known of {self}, "
                f"{self._date(0)} to {self._date(-1)}"
            )
        return bisect_right(self.opens, time) - 1

    def _date(self, index: int) -> str:
        return date.fromordinal(self.dates[index]).isoformat()


def exchange(code: str) -> Exchange:
    """Give the sessions of an exchange by its code (ISO 10383 MIC), such as `XNYS`.

    Names that `exchange_calendars` has besides are understood: `NYSE` is `XNYS`. Raises
    DefinitionError where it isn't installed, and for a code that it doesn't know.
    """
    # What the package warns of is not its users' to change: pandas it calls in older ways.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            package = import_module("exchange_calendars")
        except ModuleNotFoundError as error:
            raise DefinitionError(
                f"exchange {code}: {error.name} is not installed: install tickstream[exchanges]"
            ) from None
        if not isinstance(code, str) or code not in package.get_calendar_names():
            raise DefinitionError(f"{code!r} is not an exchange such as XNYS, XLON or XTKS")
        return _sessions(package.resolve_alias(code), package)


@cache
def _sessions(code: str, package: Any) -> Exchange:
    try:
        calendar = _calendar(package.get_calendar(code))
    except (ValueError, NotImplementedError) as error:
        reason = shorten(str(error), MOST_REASON, placeholder=" ...")
        raise DefinitionError(
            f"exchange {code}: exchange_calendars can't make its calendar: {reason}"
        ) from error
    opens, closes = _instants(calendar.opens), _instants(calendar.closes)
    dates = array("q", [session.toordinal() for session in calendar.sessions])
    longest = max(close - opened for opened, close in zip(opens, closes, strict=True))
    return Exchange(code, opens, closes, dates, longest)


def _calendar(default: Any) -> Any:
    """Give a calendar over all its years, where it was for a few around today."""
    first, last = type(default.first_session)(FIRST), type(default.first_session)(LAST)
    earliest, latest = default.bound_min(), default.bound_max()
    return type(default)(
        start=first if earliest is None else max(first, earliest),
        end=last if latest is None else min(last, latest),
    )


def _instants(stamps: Any) -> "array[int]":
    # A pandas Timestamp's value is in ns, whatever the unit it is kept in.
    return array("q", [stamp.value // 1_000_000 for stamp in stamps])
