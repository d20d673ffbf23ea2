"""Cumulating windows, which grow in steps: the day so far, every five minutes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eventfold.windows.definition import Grid, Span, WindowDefinition
from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError
from eventfold.windows.fixed import Window, tumbling


@dataclass(frozen=True, slots=True)
class Cumulate:
    """Window definition: for each window `[s, e)` of `base`, windows that grow by `step` (ms).

        [s, min(s + k * step, e)),   k = 1, 2, ... up to the first that reaches e

    That is Flink's `CUMULATE(TABLE, DESCRIPTOR(time), step, size)`, over any base whose windows do
    not overlap. If a calendar's window is not a multiple of the step, its last step is shorter.
    """

    base: WindowDefinition
    step: int

    def __str__(self) -> str:
        """Return the text that `parse_window` parses, such as `cumulate day Europe/Berlin 5m`."""
        return f"cumulate {self.base} {format_duration(self.step)}"

    @property
    def size(self) -> int:
        """Nominal length of a window of the base, ms."""
        return self.base.size

    @property
    def advance(self) -> int:
        """Distance of the ends of two windows, ms: the step."""
        return self.step

    @property
    def longest(self) -> int:
        """Bound of a window's length, ms: that of the base."""
        return self.base.longest

    @property
    def grid(self) -> Grid | None:
        """Grid of the steps, ms; None if the base follows a calendar."""
        grid = self.base.grid
        return Grid(self.step, grid.offset) if grid else None

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:
        """Yield the windows that overlap `[begin, end)` and end after `after`, ascending (ms)."""
        passed = max(begin, after)
        step = self.step
        for start, last in self.base.over(begin, end, after, events):
            steps = max(0, passed - start) // step + 1
            for stop in range(start + steps * step, last, step):
                yield Span(start, stop)
            yield Span(start, last)

    def slice(self, time: int) -> Span:
        """Return the step that holds `time` (ms), or a whole gap of the base. Raises ValueError."""
        start, end = self.base.slice(time)
        if not self.base.holds(time):
            return Span(start, end)
        start = time - (time - start) % self.step
        return Span(start, min(start + self.step, end))

    def holds(self, time: int) -> bool:
        """Return whether a window of the base holds `time` (ms)."""
        return self.base.holds(time)


def cumulate(base: WindowDefinition | int | str, step: int | str) -> Cumulate:
    """Return the definition of windows that grow by `step` up to the windows of `base`.

    `base` is a window definition, or the size of tumbling windows. Sizes and steps are in ms, or
    texts such as `5m`. Raises DefinitionError if windows of the base overlap or follow events, or
    if the step is 0, not shorter than the base, or does not divide the size of a base on a grid.

    >>> str(cumulate("1h", "15m"))
    'cumulate 1h 15m'
    """
    definition = Cumulate(
        tumbling(base) if isinstance(base, int | str) else base, milliseconds(step)
    )
    base, step = definition.base, definition.step
    if not hasattr(base, "slice"):
        raise DefinitionError(f"{definition}: {base} follows events, it can't grow in steps")
    if isinstance(base, Cumulate) or base.advance != base.size:
        raise DefinitionError(
            f"{definition}: windows of {base} overlap, they can't be steps of one"
        )
    if not step:
        raise DefinitionError(f"{definition}: the step has to be positive")
    if step >= base.size:
        raise DefinitionError(
            f"{definition}: the step has to be shorter than the window, "
            f"{format_duration(base.size)}"
        )
    if isinstance(base, Window) and base.size % step:
        raise DefinitionError(
            f"{definition}: a step of {format_duration(step)} does not divide "
            f"{format_duration(base.size)}"
        )
    return definition
