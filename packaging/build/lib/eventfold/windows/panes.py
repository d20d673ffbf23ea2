"""Panes: the slices of event time that windows are folded from, and the evidence of windows."""

from typing import Any

from msgspec import Struct

#: An event time (ms) or offset before those of all records, and one after them.
BEFORE_ALL, AFTER_ALL = -1, 1 << 62


class Pane(Struct, gc=False):
    """The fold of one key's records in one slice of time, which begins at `start` (ms).

    `gc=False`: a table holds very many panes, and none is part of a cycle, so the garbage
    collector need not walk them (when it did, folding slowed down as panes accumulated).
    """

    key: bytes
    start: int
    state: Any
    count: int = 0
    first_offset: int = BEFORE_ALL
    last_offset: int = BEFORE_ALL
    #: Records that arrived after the pane's end: stream time at the arrival (rounded down to whole
    #: panes, ms) → records. It gives, for each window, how many arrived after that window's end.
    corrections: dict[int, int] | None = None
    #: Whether it changed since the last checkpoint.
    dirty: bool = False
    #: Whether it changed since the last publication.
    unpublished: bool = False

    def correct(self, reached: int) -> None:
        """Count a late arrival at the stream time `reached` (ms), rounded down to whole panes."""
        if self.corrections is None:
            self.corrections = {}
        self.corrections[reached] = self.corrections.get(reached, 0) + 1


class Evidence(Struct, frozen=True, gc=False):
    """Evidence of a window: its number of records, their source offsets, how many were late."""

    count: int
    first_offset: int
    last_offset: int
    late: int
