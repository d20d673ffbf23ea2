"""The panes of a table: time, cut wherever one of its windows may begin or end."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from eventfold.windows.durations import format_duration
from eventfold.windows.errors import DefinitionError
from eventfold.windows.family import NOWHERE, Grid, WindowFamily

#: Panes of calendars that are remembered: a read walks over many, a fold stays with one or two.
REMEMBERED = 4096

#: Panes that differ have none.
NO_GRID = Grid(0, 0)


class _Slice(NamedTuple):
    start: int
    end: int
    #: Whether a window holds it.
    held: bool


class Slices:
    """The panes that all `families` of a table are made of, ms.

    Where all lie on grids, panes are as long as the greatest common divisor of all their sizes,
    advances and steps and of the differences of their offsets (Li et al., "No pane, no gain:
    efficient evaluation of sliding-window aggregates over data streams", SIGMOD Record 34(1),
    2005). Where one follows a calendar, a pane reaches from one boundary of any family to the
    next (slices, as in Traub et al., "Scotty", ICDE 2018).

    Raises DefinitionError where there are no families, where one is of a kind that is not made
    of panes, where one that slides with each event isn't alone, and where two have the same
    size and advance: nobody could tell their results apart.
    """

    def __init__(self, families: Sequence[WindowFamily]) -> None:
        self.families = tuple(families)
        _check(self.families)
        #: The longest of all windows, ms.
        self.longest = max(family.longest for family in self.families)
        grid = _common_grid([family.grid for family in self.families])
        #: Length of each pane, ms, 0 where they differ; uniform panes start at
        #: `offset + k * length`.
        self.length, self.offset = grid or NO_GRID
        #: Before this no window holds anything; where panes differ each slice knows.
        self._first = min(
            (each.grid.offset for each in self.families if each.grid), default=self.offset
        )
        self._last = _Slice(*NOWHERE, held=False)
        self._starting = lru_cache(REMEMBERED)(self._cut)

    def __str__(self) -> str:
        """Say where panes are cut: what was kept in panes cut elsewhere can't be used."""
        if not self.length:
            names = sorted(str(family) for family in self.families)
            return f"panes between the boundaries of {', '.join(names)}"
        text = f"panes of {format_duration(self.length)}"
        return f"{text} from {format_duration(self.offset)}" if self.offset else text

    def start_of(self, time: int) -> int:
        """Give the start of the pane that holds `time` (ms), -1 where no window holds it.

        Raises ValueError for an instant that a calendar knows nothing of.
        """
        length = self.length
        if length:
            return time - (time - self.offset) % length if time >= self._first else -1
        last = self._last
        if not last.start <= time < last.end:
            last = self._last = self._cut(time)
        return last.start if last.held else -1

    def end_of(self, start: int) -> int:
        """Give the end (ms) of the pane that starts at `start`."""
        return start + self.length if self.length else self._starting(start).end

    def floor(self, time: int) -> int:
        """Give the last instant <= `time` (ms) at which a window may begin or end, 0 for none.

        Raises ValueError as `start_of` does.
        """
        length = self.length
        if length:
            return max(0, time - (time - self.offset) % length)
        last = self._last
        return last.start if last.start <= time < last.end else self._cut(time).start

    def _cut(self, time: int) -> _Slice:
        slices = [family.slice(time) for family in self.families]
        return _Slice(
            max(each.start for each in slices),
            min(each.end for each in slices),
            any(family.holds(time) for family in self.families),
        )


def _check(families: Sequence[WindowFamily]) -> None:
    if not families:
        raise DefinitionError("a table needs at least one window")
    known: dict[tuple[int, int], WindowFamily] = {}
    for family in families:
        if not hasattr(family, "slice"):
            raise DefinitionError(
                f"{family} is not made of panes: it needs a table of its own kind"
            )
        lengths = family.size, family.advance
        if lengths in known:
            size, advance = map(format_duration, lengths)
            raise DefinitionError(
                f"{known[lengths]} and {family}: nobody could tell them apart, "
                f"both are {size} by {advance}"
            )
        known[lengths] = family
    alone = next((family for family in families if not family.advance), None)
    if alone and len(families) > 1:
        raise DefinitionError(
            f"{alone}: its panes are events, so a table can have no other window beside it"
        )


def _common_grid(grids: Sequence[Grid | None]) -> Grid | None:
    known = [grid for grid in grids if grid]
    if len(known) < len(grids):
        return None
    offset = known[0].offset
    length = math.gcd(*(grid.length for grid in known), *(grid.offset - offset for grid in known))
    return Grid(length, offset % length)
