"""Trading sessions of an exchange, from open to close on the days it trades.

They come from the package `exchange_calendars`, which knows holidays and half days: past ones as
they were, future ones as announced or as the exchange's rules imply. The package is an optional
extra, and imported with the first definition of an exchange.
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

from eventfold.extras import demand
from eventfold.windows.definition import NOWHERE, Span
from eventfold.windows.durations import UNITS
from eventfold.windows.errors import DefinitionError

DAY = UNITS["d"]

#: First and last date of the sessions, unless the calendar's own bounds are narrower.
FIRST, LAST = "1990-01-01", "2099-12-31"

#: Most characters of the package's own reason in an error.
MOST_REASON = 100


@dataclass(frozen=True, slots=True)
class Exchange:
    """Window definition: each session `[open, close)` of an exchange. Make one by `exchange`.

    An event between two sessions is in no window. A lunch break (Hong Kong, Tokyo) does not divide
    a session, whose window reaches from open to close. A session may begin on the evening before
    its date (futures). The previous close is in the pane of the session before.

    Sizes are nominal: a day. Nothing is known of instants outside of the calendar's years.
    """

    code: str
    #: Open and close of each session, ms, ascending; and its date, as `date.toordinal` returns it.
    opens: "array[int]" = field(repr=False, compare=False)
    closes: "array[int]" = field(repr=False, compare=False)
    dates: "array[int]" = field(repr=False, compare=False)
    #: Length of the longest session, ms.
    longest: int = field(repr=False, compare=False)
    #: The slice returned last, a cache.
    _recent: list[Span] = field(
        default_factory=lambda: [NOWHERE], init=False, repr=False, compare=False
    )

    def __str__(self) -> str:
        """Return the text that `parse_window` parses: `exchange XNYS`."""
        return f"exchange {self.code}"

    @property
    def size(self) -> int:
        """Nominal length, ms: a day."""
        return DAY

    @property
    def advance(self) -> int:
        """Nominal distance of two sessions, ms: a day."""
        return DAY

    @property
    def grid(self) -> None:
        """None: sessions follow a calendar, so they are not on a grid."""

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:  # noqa: ARG002
        """Yield the sessions that overlap `[begin, end)` and end after `after`, ascending (ms)."""
        for index in range(bisect_right(self.closes, max(begin, after)), len(self.opens)):
            start = self.opens[index]
            if start >= end:
                return
            yield Span(start, self.closes[index])

    def slice(self, time: int) -> Span:
        """Return the session that holds `time` (ms), or the gap between. Raises ValueError."""
        (recent,) = self._recent
        if recent.start <= time < recent.end:
            return recent
        index = self._opened(time)
        start, stop = self.opens[index], self.closes[index]
        recent = Span(start, stop) if time < stop else Span(stop, self.opens[index + 1])
        self._recent[:] = (recent,)
        return recent

    def holds(self, time: int) -> bool:
        """Return whether a session holds `time` (ms). Raises ValueError as `slice` does."""
        return time < self.closes[self._opened(time)]

    def name(self, start: int) -> str:
        """Return the date of the last session opened by `start` (ms). Raises ValueError."""
        return self._date(self._opened(start))

    def _opened(self, time: int) -> int:
        """Return the index of the last session that opened at `time` (ms) or before."""
        if not self.opens[0] <= time < self.closes[-1]:
            raise ValueError(
                f"{time} ms are outside of the sessions known of {self}, "
                f"{self._date(0)} to {self._date(-1)}"
            )
        return bisect_right(self.opens, time) - 1

    def _date(self, index: int) -> str:
        return date.fromordinal(self.dates[index]).isoformat()


def exchange(code: str) -> Exchange:
    """Return the sessions of an exchange by its code (ISO 10383 MIC), such as `XNYS`.

    Aliases of `exchange_calendars` work, too: `NYSE` is `XNYS`. Raises DefinitionError if the
    package is not installed, does not know the code, or can't make the calendar.
    """
    demand("exchange_calendars", "exchanges", f"exchange {code}", DefinitionError)
    # The package calls deprecated functions of pandas, about which our users can do nothing.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = import_module("exchange_calendars")
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
    """Return the calendar `default`, which covers a few years around today, for all its years."""
    first, last = type(default.first_session)(FIRST), type(default.first_session)(LAST)
    earliest, latest = default.bound_min(), default.bound_max()
    return type(default)(
        start=first if earliest is None else max(first, earliest),
        end=last if latest is None else min(last, latest),
    )


def _instants(stamps: Any) -> "array[int]":
    # The `value` of a pandas Timestamp is in ns, whatever unit it is stored in.
    return array("q", [stamp.value // 1_000_000 for stamp in stamps])
