"""The panes of a table: time, cut at every instant where one of its windows may begin or end."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from eventfold.windows.definition import NOWHERE, Grid, WindowDefinition
from eventfold.windows.durations import format_duration
from eventfold.windows.errors import DefinitionError

#: Size of the cache of calendar panes: a query reads many, folding stays with one or two.
REMEMBERED = 4096

#: Stands for the grid of panes of different lengths.
NO_GRID = Grid(0, 0)


class _Slice(NamedTuple):
    start: int
    end: int
    #: Whether any window holds it.
    held: bool


class Slices:
    """The panes that all window definitions of a table share, ms.

    If all definitions are on grids, a pane's length is the greatest common divisor of all their
    sizes, advances and steps and of the differences of their offsets (Li et al., "No pane, no gain:
    efficient evaluation of sliding-window aggregates over data streams", SIGMOD Record 34(1),
    2005). If one follows a calendar, a pane reaches from one boundary of any definition to the
    next (slices, as in Traub et al., "Scotty", ICDE 2018).

    Raises DefinitionError if there are no definitions, if one is not made of panes (sessions,
    counts), if one that slides with each event is not the only one, or if two have the same size
    and advance, since their results could not be distinguished.
    """

    def __init__(self, definitions: Sequence[WindowDefinition]) -> None:
        self.definitions = tuple(definitions)
        _check(self.definitions)
        #: Length of the longest window, ms.
        self.longest = max(definition.longest for definition in self.definitions)
        grid = _common_grid([definition.grid for definition in self.definitions])
        #: Length of each pane, ms, 0 if lengths differ; uniform panes start at
        #: `offset + k * length`.
        self.length, self.offset = grid or NO_GRID
        #: Start of the first window, ms, for uniform panes; otherwise `_Slice.held` is used.
        self._first = min(
            (each.grid.offset for each in self.definitions if each.grid), default=self.offset
        )
        self._last = _Slice(*NOWHERE, held=False)
        self._starting = lru_cache(REMEMBERED)(self._cut)

    def __str__(self) -> str:
        """Describe the cuts between panes: state kept in panes with other cuts can't be used."""
        if not self.length:
            names = sorted(str(definition) for definition in self.definitions)
            return f"panes between the boundaries of {', '.join(names)}"
        text = f"panes of {format_duration(self.length)}"
        return f"{text} from {format_duration(self.offset)}" if self.offset else text

    def start_of(self, time: int) -> int:
        """Return the start (ms) of the pane of `time` (ms), or -1 outside. Raises ValueError."""
        length = self.length
        if length:
            return time - (time - self.offset) % length if time >= self._first else -1
        last = self._last
        if not last.start <= time < last.end:
            last = self._last = self._cut(time)
        return last.start if last.held else -1

    def end_of(self, start: int) -> int:
        """Return the end (ms) of the pane that starts at `start` (ms)."""
        return start + self.length if self.length else self._starting(start).end

    def floor(self, time: int) -> int:
        """Return the last boundary of a window by `time` (ms), or 0. Raises ValueError."""
        length = self.length
        if length:
            return max(0, time - (time - self.offset) % length)
        last = self._last
        return last.start if last.start <= time < last.end else self._cut(time).start

    def _cut(self, time: int) -> _Slice:
        slices = [definition.slice(time) for definition in self.definitions]
        return _Slice(
            max(each.start for each in slices),
            min(each.end for each in slices),
            any(definition.holds(time) for definition in self.definitions),
        )


def _check(definitions: Sequence[WindowDefinition]) -> None:
    if not definitions:
        raise DefinitionError("a table needs at least one window")
    known: dict[tuple[int, int], WindowDefinition] = {}
    for definition in definitions:
        if not hasattr(definition, "slice"):
            raise DefinitionError(
                f"{definition} is not made of panes: it needs a table of its own kind"
            )
        lengths = definition.size, definition.advance
        if lengths in known:
            size, advance = map(format_duration, lengths)
            raise DefinitionError(
                f"{known[lengths]} and {definition}: nobody could distinguish them, "
                f"both are {size} by {advance}"
            )
        known[lengths] = definition
    alone = next((definition for definition in definitions if not definition.advance), None)
    if alone and len(definitions) > 1:
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
