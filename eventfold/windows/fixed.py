"""Fixed windows: tumbling and hopping windows on a grid, and those that hold an instant."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from eventfold.windows.definition import Grid, Span
from eventfold.windows.durations import format_duration, milliseconds, parse_duration
from eventfold.windows.errors import DefinitionError
from eventfold.windows.slices import Slices


class Window(NamedTuple):
    """Window definition: `[start, start + size)`, one each `advance`, the first at `offset`.

    All are integer milliseconds, instants since the epoch. An instant `t` is in the windows

        start = offset + k * advance   with   t - size < start <= t,   k = 0, 1, ...

    That is one window if advance = size (tumbling), and size / advance of them if the advance is
    smaller (hopping). The formula is that of Apache Beam's `SlidingWindows(size, period, offset)`
    and of Flink's `TimeWindow.getWindowStartWithOffset`. The class does not check its fields:
    make one by `tumbling` or `hopping`.
    """

    size: int
    advance: int
    offset: int = 0

    def __str__(self) -> str:
        """Return the text that `parse_window` parses, such as `5m`, `5m/1m` or `1h+15m`."""
        text = format_duration(self.size)
        if self.advance != self.size:
            text += f"/{format_duration(self.advance)}"
        if self.offset:
            text += f"+{format_duration(self.offset)}"
        return text

    @property
    def longest(self) -> int:
        """Length of every window, ms: the size."""
        return self.size

    @property
    def grid(self) -> Grid:
        """Grid of all starts and ends (ms), whose length is gcd(size, advance)."""
        return Grid(math.gcd(self.size, self.advance), self.offset)

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:  # noqa: ARG002
        """Yield the windows that overlap `[begin, end)` and end after `after`, ascending (ms)."""
        size = self.size
        for start in self.starts_over(max(begin, after), end):
            yield Span(start, start + size)

    def holding(self, panes: Sequence[int], after: int, until: int) -> Iterator[Span]:
        """Yield the windows that hold one of `panes` and end in (after, until], ascending (ms).

        `panes` are ascending starts of panes. The result is that of `over` for each pane, each
        window once, in a fraction of the time.
        """
        size, advance, offset = self
        # Start of the first window that ends after `after`.
        start = max(0, (after - offset - size) // advance + 1) * advance + offset
        last = until - size
        for pane in panes:
            first = pane - size
            if start <= first:
                start = first - (first - offset) % advance + advance
            while start <= pane:
                if start > last:
                    return
                yield Span(start, start + size)
                start += advance

    def slice(self, time: int) -> Span:
        """Return the interval around `time` (ms) between the nearest starts and ends of windows."""
        size, advance, offset = self
        since = time - offset
        if since < 0:
            return Span(0, offset)
        start = since - since % advance
        end = start + advance
        # The first end is that of the first window; one follows each `advance`.
        if since < size:
            end = min(end, size)
        else:
            ended = since - (since - size) % advance
            start, end = max(start, ended), min(end, ended + advance)
        return Span(start + offset, end + offset)

    def holds(self, time: int) -> bool:
        """Return whether `time` (ms) is in a window: windows leave no gap after the first start."""
        return time >= self.offset

    def starts(self, time: int) -> range:
        """Return the starts (ms) of the windows that hold `time` (ms), oldest first."""
        return self.starts_over(time, time + 1)

    def starts_over(self, begin: int, end: int) -> range:
        """Return the starts (ms) of the windows that overlap `[begin, end)`, ascending, from 0."""
        size, advance, offset = self
        first = max(0, (begin - offset - size) // advance + 1) * advance + offset
        return range(first, end, advance)


def tumbling(size: int | str, offset: int | str = 0) -> Window:
    """Return the definition of windows of `size` that neither overlap nor leave gaps.

    Arguments and errors are those of `hopping`, with an advance of `size`.

    >>> str(tumbling("1h", offset="15m"))
    '1h+15m'
    """
    return hopping(size, size, offset)


def hopping(size: int | str, advance: int | str, offset: int | str = 0) -> Window:
    """Return the definition of windows of `size`, one each `advance`, the first at `offset`.

    Each is in ms, or a text such as `5m`. Raises DefinitionError unless
    0 <= offset < advance <= size.

    >>> list(hopping("5m", "1m").starts(300_000))
    [60000, 120000, 180000, 240000, 300000]
    """
    window = Window(milliseconds(size), milliseconds(advance), milliseconds(offset))
    if not window.size or not window.advance:
        raise DefinitionError(
            f"window {format_duration(window.size)} by {format_duration(window.advance)}: "
            "both have to be positive"
        )
    if window.advance > window.size:
        raise DefinitionError(
            f"window {format_duration(window.size)} by {format_duration(window.advance)}: "
            "the advance is larger than the size, events between two windows would be lost"
        )
    if window.offset >= window.advance:
        raise DefinitionError(
            f"window {window}: an offset of {format_duration(window.offset)} has to be shorter "
            f"than the advance, {format_duration(window.advance)}"
        )
    return window


def parse_grid(text: str) -> Window:
    """Parse `5m` (tumbling) or `5m/1m` (hopping), either with an offset: `1h+15m`, `5m/1m+30s`.

    Raises DefinitionError, naming the fault.
    """
    lengths, plus, offset = text.strip().partition("+")
    size, slash, advance = lengths.partition("/")
    return hopping(
        parse_duration(size),
        parse_duration(advance if slash else size),
        parse_duration(offset) if plus else 0,
    )


def parse_windows(text: str) -> tuple[Window, ...]:
    """Parse a comma-separated list such as `1m,5m,15m/1m`; drop repetitions and keep the order.

    Raises DefinitionError, naming the fault, if one is not on a grid or a table can't have them
    all; see `Slices`.
    """
    windows = tuple(dict.fromkeys(parse_grid(part) for part in text.split(",")))
    Slices(windows)
    return windows
