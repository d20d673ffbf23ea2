"""Windows aligned to the epoch: which ones there are, and which of them hold an instant."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from app.windows.durations import format_duration, parse_duration


class Window(NamedTuple):
    """A family of windows `[start, start + size)`, one at each multiple of `advance`.

    All in integer milliseconds since the epoch, half-open. An instant `t` lies in the windows

        start = k * advance   with   t - size < start <= t

    which is one window where advance = size (tumbling), and size / advance of them where
    it is smaller (hopping). The formula is that of Apache Beam's `SlidingWindows` with offset 0.
    """

    size: int
    advance: int

    def __str__(self) -> str:
        """Give what `parse_window` reads: `5m`, or `5m/1m` where it hops."""
        if self.size == self.advance:
            return format_duration(self.size)
        return f"{format_duration(self.size)}/{format_duration(self.advance)}"

    def starts(self, time: int) -> range:
        """Give the starts of the windows that hold `time` (ms), oldest first."""
        return self.starts_over(time, time + 1)

    def starts_over(self, begin: int, end: int) -> range:
        """Give the starts of the windows that overlap `[begin, end)` (ms), oldest first.

        No window starts before the epoch.
        """
        first = max(0, (begin - self.size) // self.advance + 1) * self.advance
        return range(first, end, self.advance)


def tumbling(size: int) -> Window:
    """Give windows of `size` ms that neither overlap nor leave gaps."""
    return hopping(size, size)


def hopping(size: int, advance: int) -> Window:
    """Give windows of `size` ms, one each `advance` ms. Raises ValueError where they leave gaps."""
    if size <= 0 or advance <= 0:
        raise ValueError(f"window {size} ms by {advance} ms: both have to be positive")
    if advance > size:
        raise ValueError(
            f"window {format_duration(size)} by {format_duration(advance)}: "
            "the advance is larger than the size, events between two windows would be lost"
        )
    return Window(size, advance)


def parse_window(text: str) -> Window:
    """Read `5m` (tumbling) or `5m/1m` (hopping). Raises ValueError naming what is wrong."""
    size, slash, advance = text.strip().partition("/")
    return hopping(parse_duration(size), parse_duration(advance if slash else size))


def parse_windows(text: str) -> tuple[Window, ...]:
    """Read a comma-separated list such as `1m,5m,15m/1m`; each window once, in the order given."""
    windows = tuple(dict.fromkeys(parse_window(part) for part in text.split(",")))
    pane_size(windows)
    return windows


def pane_size(windows: Iterable[Window]) -> int:
    """Give the length (ms) of the panes that all `windows` are made of.

    It is the greatest common divisor of all sizes and advances (Li et al., "No pane, no gain",
    SIGMOD Record 34(1), 2005). Raises ValueError where there is no window.
    """
    size = math.gcd(*(n for window in windows for n in window))
    if not size:
        raise ValueError("a table needs at least one window")
    return size
