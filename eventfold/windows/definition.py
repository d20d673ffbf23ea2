"""The protocol of window definitions whose windows are folded from panes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class Span(NamedTuple):
    """One window, or one slice of time: `[start, end)`, ms since the epoch."""

    start: int
    end: int


#: An empty span, which holds no instant.
NOWHERE = Span(0, 0)


class Grid(NamedTuple):
    """Instants `offset + k * length`, k = 0, 1, ... (ms), at which windows may begin or end."""

    length: int
    offset: int


class WindowDefinition(Protocol):
    """Window definition, such as every 5 minutes, or every day in New York.

    It is immutable and hashable, and compares by value. Instants are integer milliseconds since
    the epoch, windows are half-open `[start, end)`, and none starts before the epoch. Starts and
    ends never descend from one window to the next.
    """

    @property
    def size(self) -> int:
        """Nominal length, ms. With `advance`, it identifies one of a table's definitions."""

    @property
    def advance(self) -> int:
        """Nominal distance of two windows, ms; 0 if there is one at each event."""

    @property
    def longest(self) -> int:
        """Bound of a window's length, ms: no window is longer."""

    @property
    def grid(self) -> Grid | None:
        """Grid, with its offset, of all beginnings and ends; None if they follow a calendar."""

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:
        """Yield the windows that overlap `[begin, end)` and end after `after`, ascending (ms).

        `events` are the ascending starts of a key's panes. Windows that slide with each event are
        one for each of them; other definitions ignore them. The work is proportional to the
        number of windows yielded.
        """

    def slice(self, time: int) -> Span:
        """Return the longest interval around `time` (ms) inside which no window begins or ends.

        `start <= time < end`; it begins at the epoch if no boundary precedes `time`. Raises
        ValueError for an instant that the definition does not cover.
        """

    def holds(self, time: int) -> bool:
        """Return whether any window holds `time` (ms). Raises ValueError as `slice` does."""

    def __str__(self) -> str:
        """Return the text that `parse_window` parses into an equal definition."""
