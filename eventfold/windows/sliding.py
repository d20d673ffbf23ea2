"""Windows that slide with each event."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError
from eventfold.windows.family import Grid, Span


@dataclass(frozen=True, slots=True)
class Sliding:
    """One window for each distinct event time of a key: the `size` up to and with that event.

    An event at `t` (ms) gives, with e = t - t mod resolution, the window

        [e + resolution - size, e + resolution)

    which with the default resolution of 1 ms is `(t - size, t]`. Events of the same e share it;
    so its panes are the distinct e, and a window is made anew when an event comes into it late.

    That is Flink's `OVER (PARTITION BY key ORDER BY time RANGE BETWEEN INTERVAL ... PRECEDING
    AND CURRENT ROW)`, except that SQL's range also holds the instant `t - size` itself, a
    millisecond more. Kafka Streams' `SlidingWindows` have that millisecond more as well, and a
    second window for each event, `[t + 1, t + 1 + size]`, so that every set of events within
    `size` of each other has a window; the windows here answer *what led up to this event*.
    """

    size: int
    resolution: int = 1

    def __str__(self) -> str:
        """Give what `parse_window` reads: `5m/event`, or `5m/event~100ms` with a resolution."""
        rounded = f"~{format_duration(self.resolution)}" if self.resolution != 1 else ""
        return f"{format_duration(self.size)}/event{rounded}"

    @property
    def advance(self) -> int:
        """None in ms: windows follow events."""
        return 0

    @property
    def longest(self) -> int:
        """Every window is as long as the size (ms)."""
        return self.size

    @property
    def grid(self) -> Grid:
        """Any multiple of the resolution (ms) may be a window's start or end."""
        return Grid(self.resolution, 0)

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:
        """Give the windows that overlap `[begin, end)` and end after `after`, ascending (ms).

        `events` are the ascending starts of a key's panes.
        """
        size, resolution = self.size, self.resolution
        first = bisect_right(events, max(begin, after) - resolution)
        for index in range(first, len(events)):
            stop = events[index] + resolution
            if stop - size >= end:
                return
            yield Span(stop - size, stop)

    def slice(self, time: int) -> Span:
        """Give the resolution's interval around `time` (ms): at each a window may begin or end."""
        start = time - time % self.resolution
        return Span(start, start + self.resolution)

    def holds(self, time: int) -> bool:  # noqa: ARG002
        """An event has its window, whatever its time (ms)."""
        return True


def sliding(size: int | str, resolution: int | str = 1) -> Sliding:
    """Give the windows of `size` that end with each event.

    Both in ms, or a text such as `5m`. A coarser resolution means fewer panes for a key with
    many events. Raises DefinitionError where one is zero, or the size no multiple of the
    resolution.
    """
    family = Sliding(milliseconds(size), milliseconds(resolution))
    if not family.size or not family.resolution:
        raise DefinitionError(f"window {family}: its size and resolution have to be positive")
    if family.size % family.resolution:
        raise DefinitionError(
            f"window {family}: the size is no multiple of the resolution, "
            f"{format_duration(family.resolution)}"
        )
    return family
