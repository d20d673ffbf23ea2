"""Windowing strategy of a table: which windows its records are folded into, and their publication.

It is fixed when the table is declared, and shared by the states of all its partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from eventfold.aggregates import Aggregate, layout_of
from eventfold.engine.definitions import Definition
from eventfold.topics import BoundTopic
from eventfold.windows import (
    Count,
    DefinitionError,
    EmitStrategy,
    MergeRuns,
    Rejection,
    Session,
    Slices,
    Sliding,
    WindowDefinition,
    format_duration,
    milliseconds,
    parse_window,
)

#: Overlap above which windows are published on close only, unless an emit strategy is chosen:
#: publishing each change of so many windows costs too much.
MAX_OVERLAP = 60

#: A window definition, or its text.
Windows = WindowDefinition | str


class WindowingStrategy:
    """Windows, aggregate, grace, retention and emit strategy of a table. Durations in ms.

    Raises ValueError for a definition that can't be right.
    """

    def __init__(
        self,
        windows: Windows | Iterable[Windows],
        aggregate: Aggregate[Any, Any],
        *,
        grace: int | str,
        retention: int | str,
        emit: EmitStrategy | None,
        uses_previous_window: bool,
    ) -> None:
        self.aggregate = aggregate
        #: Optional methods of the aggregate that fold many records, or merge the states of many
        #: panes.
        self.add_all: Callable[..., None] | None = getattr(aggregate, "add_all", None)
        self.merge_runs: MergeRuns | None = getattr(aggregate, "merge_runs", None)
        self.uses_previous_window = uses_previous_window
        self.emit = emit
        self.late_topic: BoundTopic | None = None
        self.late_record: Callable[[Any, Rejection], Any] | None = None
        self.windows = _definitions(windows)
        self.grace = milliseconds(grace)
        self.retention = milliseconds(retention)
        #: Whether the windows follow the data, instead of being made of panes.
        self.follows_data = any(isinstance(each, Session | Count) for each in self.windows)
        if self.follows_data:
            self._check_alone()
            self.longest = self.windows[0].gap if isinstance(self.windows[0], Session) else 0
        else:
            self._cut()
        _check_retention(self.retention, self.longest + self.grace)

    def _check_alone(self) -> None:
        alone = next(each for each in self.windows if isinstance(each, Session | Count))
        if len(self.windows) > 1:
            raise DefinitionError(f"{alone} shares its table with no other window")
        if self.uses_previous_window:
            raise DefinitionError(f"{alone} can't look back")

    def _cut(self) -> None:
        self.slices = Slices(self.windows)
        self.longest = self.slices.longest
        #: Windows that are one pane each, and windows that are folded from several panes.
        self.pane_windows = [each for each in self.windows if self._is_pane(each)]
        self.folded_windows = [each for each in self.windows if not self._is_pane(each)]
        #: Smallest advance of the windows (ms); 0 if one slides with each event.
        self.step = min(window.advance for window in self.windows)
        #: Approximate number of results that a changed pane has.
        self.results_of_change = max(
            1,
            sum(
                -(-each.size // (each.advance or each.size))
                for each in self.windows
                if self.publishes_changes_of(each)
            ),
        )

    def _is_pane(self, window: WindowDefinition) -> bool:
        """Return whether a window is exactly one pane: not sliced, and without overlap."""
        grid = window.grid
        return grid is not None and window.size == window.advance == self.slices.length

    @property
    def layout(self) -> str:
        """Aggregate with its version, and content of the rows: panes of a length, or windows."""
        rows = str(self.windows[0] if self.follows_data else self.slices)
        return f"{layout_of(self.aggregate)}, {rows}"

    @property
    def definition(self) -> Definition:
        """Windows, grace, retention and emit strategy, as text."""
        windows = sorted(self.windows, key=lambda each: (each.size, each.advance, str(each)))
        return {
            "windows": ",".join(map(str, windows)),
            "grace": format_duration(self.grace),
            "retention": format_duration(self.retention),
            "emission": "each interval" if self.emit is None else str(self.emit),
        }

    # -- emit strategy

    @property
    def publishes_changes(self) -> bool:
        """Whether windows are published before they are final."""
        return self.emit is None or self.emit.interval is not None

    @property
    def publishes_every_change(self) -> bool:
        """Whether each record publishes a result."""
        return self.emit is not None and self.emit.interval == 0

    def publishes_changes_of(self, window: WindowDefinition) -> bool:
        """Return whether windows of a definition are published before they are final."""
        return self.publishes_changes and not self._overlaps_much(window)

    def aggregates_incrementally(self, window: WindowDefinition) -> bool:
        """Return whether final windows of a definition are aggregated incrementally.

        That pays off where they share many panes, as windows that slide with each event do. If
        windows are also published before they are final, each publication folds them anyway.
        """
        slides = isinstance(window, Sliding) and not self.publishes_changes
        return slides or self._overlaps_much(window)

    def _overlaps_much(self, window: WindowDefinition) -> bool:
        """Return whether a window overlaps too often to be published before it is final."""
        much = window.advance > 0 and window.size // window.advance > MAX_OVERLAP
        return much and (self.emit is None or not self.publishes_changes)


def _definitions(windows: Windows | Iterable[Windows]) -> tuple[WindowDefinition, ...]:
    # A grid window is a tuple itself, so anything with an `advance` is one window.
    one = isinstance(windows, str) or hasattr(windows, "advance")
    given: Any = [windows] if one else windows
    read: Callable[[Any], Any] = parse_window
    return tuple(read(each) if isinstance(each, str) else each for each in given)


def _check_retention(retention: int, needed: int) -> None:
    if retention < needed:
        raise DefinitionError(
            f"a retention of {format_duration(retention)} is shorter than the longest window "
            f"and its grace, {format_duration(needed)}"
        )
