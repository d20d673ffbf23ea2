"""Panes: the slices of event time that windows are folded from, each with its evidence."""

from typing import Any

from msgspec import Struct

#: An event time (ms), or an offset, before and after those of all records.
BEFORE_ALL, AFTER_ALL = -1, 1 << 62


class Pane(Struct, gc=False):
    """One key's records of one slice `[start, start + pane size)`, folded.

    `gc=False`: a table holds very many panes and no cycle leads through one, so the garbage
    collector need not walk them (with it, a fold slowed down as panes accumulated).
    """

    key: bytes
    start: int
    state: Any
    count: int = 0
    first_offset: int = BEFORE_ALL
    last_offset: int = BEFORE_ALL
    #: Arrivals after the pane's end: stream time (in whole panes, ms) at the arrival → records.
    #: From it follows, for each window, how many came after that window's end.
    corrections: dict[int, int] | None = None
    #: Changed since the last checkpoint.
    dirty: bool = False
    #: Changed since the last publication.
    unpublished: bool = False

    def correct(self, reached: int) -> None:
        """Note one arrival when stream time, rounded down to whole panes, was `reached` (ms)."""
        if self.corrections is None:
            self.corrections = {}
        self.corrections[reached] = self.corrections.get(reached, 0) + 1


class Evidence(Struct, frozen=True, gc=False):
    """What a window holds: how many records, from which source offsets, how many of them late."""

    count: int
    first_offset: int
    last_offset: int
    late: int
