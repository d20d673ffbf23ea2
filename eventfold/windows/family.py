"""What every kind of window that is folded from panes can say about itself."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class Span(NamedTuple):
    """One window, or one slice of time: `[start, end)`, ms since the epoch."""

    start: int
    end: int


#: Holds no instant.
NOWHERE = Span(0, 0)


class Grid(NamedTuple):
    """Equidistant instants `offset + k * length`, k = 0, 1, ... (ms): where windows may change."""

    length: int
    offset: int


class WindowFamily(Protocol):
    """All windows of one definition, such as every 5 minutes, or every day in New York.

    A family is immutable, hashable, and equal to any other of the same definition. Instants are
    integer milliseconds since the epoch, windows half-open `[start, end)`; none starts before
    the epoch. Starts and ends never descend from one window to the next.
    """

    @property
    def size(self) -> int:
        """Nominal length, ms. With `advance`, what tells the families of one table apart."""

    @property
    def advance(self) -> int:
        """Nominal distance of two windows, ms; 0 where there is one at each event."""

    @property
    def longest(self) -> int:
        """No window is longer than this, ms."""

    @property
    def grid(self) -> Grid | None:
        """The grid on which all windows begin and end; None where they follow a calendar.

        The first window begins at the grid's offset or after it.
        """

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:
        """Give the windows that overlap `[begin, end)` and end after `after`, ascending (ms).

        `events` are the ascending starts of a key's panes: where windows slide with each event,
        there is one for each of them. Other families don't look at them. The work is
        proportional to the windows given.
        """

    def slice(self, time: int) -> Span:
        """Give the longest interval around `time` (ms) inside of which no window begins or ends.

        `start <= time < end`; it begins at the epoch where no boundary precedes `time`. Raises
        ValueError for an instant of which the family knows nothing.
        """

    def holds(self, time: int) -> bool:
        """Say whether any window holds `time` (ms). Raises ValueError as `slice` does."""

    def __str__(self) -> str:
        """Give what `parse_window` reads."""
