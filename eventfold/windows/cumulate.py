"""Windows that grow in steps: the day so far, every five minutes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError
from eventfold.windows.family import Grid, Span, WindowFamily
from eventfold.windows.windowers import Window, tumbling


@dataclass(frozen=True, slots=True)
class Cumulate:
    """For each window `[s, e)` of `base`, the windows from its start on that grow by `step` (ms).

        [s, min(s + k * step, e)),   k = 1, 2, ... up to the first that reaches e

    That is Flink's `CUMULATE(TABLE, DESCRIPTOR(time), step, size)`, over any windows that don't
    overlap. Where a calendar's window is no multiple of the step, its last growth is shorter.
    """

    base: WindowFamily
    step: int

    def __str__(self) -> str:
        """Give what `parse_window` reads: `cumulate 1d 5m`, `cumulate day Europe/Berlin 5m`."""
        return f"cumulate {self.base} {format_duration(self.step)}"

    @property
    def size(self) -> int:
        """The nominal length (ms) of a window that has grown up."""
        return self.base.size

    @property
    def advance(self) -> int:
        """Windows end each `step` (ms)."""
        return self.step

    @property
    def longest(self) -> int:
        """No window is longer than the longest of the base, ms."""
        return self.base.longest

    @property
    def grid(self) -> Grid | None:
        """A base on a grid is cut into steps (ms); None over a calendar."""
        grid = self.base.grid
        return Grid(self.step, grid.offset) if grid else None

    def over(self, begin: int, end: int, after: int, events: Sequence[int]) -> Iterator[Span]:
        """Give the windows that overlap `[begin, end)` and end after `after`, ascending (ms)."""
        passed = max(begin, after)
        step = self.step
        for start, last in self.base.over(begin, end, after, events):
            steps = max(0, passed - start) // step + 1
            for stop in range(start + steps * step, last, step):
                yield Span(start, stop)
            yield Span(start, last)

    def slice(self, time: int) -> Span:
        """Give the step around `time` (ms); the whole gap where no window of the base holds it."""
        start, end = self.base.slice(time)
        if not self.base.holds(time):
            return Span(start, end)
        start = time - (time - start) % self.step
        return Span(start, min(start + self.step, end))

    def holds(self, time: int) -> bool:
        """Say whether a window of the base holds `time` (ms)."""
        return self.base.holds(time)


def cumulate(base: WindowFamily | int | str, step: int | str) -> Cumulate:
    """Give windows that grow by `step` up to those of `base`: a family, or a tumbling size.

    Sizes and steps in ms, or texts such as `5m`. Raises DefinitionError where windows of the
    base overlap, and where the step is zero, as long as the base, or doesn't divide its grid.
    """
    family = Cumulate(tumbling(base) if isinstance(base, int | str) else base, milliseconds(step))
    base, step = family.base, family.step
    if not hasattr(base, "slice"):
        raise DefinitionError(f"{family}: {base} follows events, it can't grow in steps")
    if isinstance(base, Cumulate) or base.advance != base.size:
        raise DefinitionError(f"{family}: windows of {base} overlap, they can't be steps of one")
    if not step:
        raise DefinitionError(f"{family}: the step has to be positive")
    if step >= base.size:
        raise DefinitionError(
            f"{family}: the step has to be shorter than the window, {format_duration(base.size)}"
        )
    if isinstance(base, Window) and base.size % step:
        raise DefinitionError(
            f"{family}: a step of {format_duration(step)} does not divide "
            f"{format_duration(base.size)}"
        )
    return family
