"""Sliding windows, one for each event."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eventfold.windows.definition import Grid, Span
from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Sliding:
    """Window definition: for each distinct event time of a key, the `size` (ms) up to that event.

    An event at `t` (ms) has, with e = t - t mod resolution, the window

        [e + resolution - size, e + resolution)

    which with the default resolution of 1 ms is `(t - size, t]`. Events with the same e share it:
    there is a pane for each distinct e. A window is computed again when a late event falls into it.

    That is Flink's `OVER (PARTITION BY key ORDER BY time RANGE BETWEEN INTERVAL ... PRECEDING
    AND CURRENT ROW)`, except that SQL's range also holds the instant `t - size` itself, a
    millisecond more. Kafka Streams' `SlidingWindows` also have that millisecond, and a second
    window for each event, `[t + 1, t + 1 + size]`, so that every set of events within `size` of
    each other has a window; the windows here answer *what led up to this event*.
    """

    size: int
    resolution: int = 1

    def __str__(self) -> str:
        """Return the text that `parse_window` parses: `5m/event`, or `5m/event~100ms`."""
        rounded = f"~{format_duration(self.resolution)}" if self.resolution != 1 else ""
        return f"{format_duration(self.size)}/event{rounded}"

    @property
    def advance(self) -> int:
        """Nominal distance of two windows: 0, since windows follow events."""
        return 0

    @property
    def longest(self) -> int:
        """Length of every window, ms: the size."""
        return self.size

    @property
    def grid(self) -> Grid:
        """Grid of the resolution: any multiple of it (ms) may be a window's start or end."""
        return Grid(self.resolution, 0)

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:
        """Yield windows over `[begin, end)` that end after `after` (ms), of panes at `events`."""
        size, resolution = self.size, self.resolution
        first = bisect_right(events, max(begin, after) - resolution)
        for index in range(first, len(events)):
            stop = events[index] + resolution
            if stop - size >= end:
                return
            yield Span(stop - size, stop)

    def slice(self, time: int) -> Span:
        """Return the interval of one resolution that holds `time` (ms)."""
        start = time - time % self.resolution
        return Span(start, start + self.resolution)

    def holds(self, time: int) -> bool:  # noqa: ARG002
        """Return True: an event at any `time` (ms) has its window."""
        return True


def sliding(size: int | str, resolution: int | str = 1) -> Sliding:
    """Return the definition of windows of `size` that end with each event.

    Both arguments are in ms, or texts such as `5m`. A coarser resolution means fewer panes for a
    key with many events. Raises DefinitionError if one is 0, or if the size is not a multiple of
    the resolution.

    >>> str(sliding("5m", "100ms"))
    '5m/event~100ms'
    """
    definition = Sliding(milliseconds(size), milliseconds(resolution))
    if not definition.size or not definition.resolution:
        raise DefinitionError(f"window {definition}: its size and resolution have to be positive")
    if definition.size % definition.resolution:
        raise DefinitionError(
            f"window {definition}: the size is no multiple of the resolution, "
            f"{format_duration(definition.resolution)}"
        )
    return definition
