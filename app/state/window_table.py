"""A table of windows over event time: panes, folded into every window it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.state.pane_state import PaneState
from app.state.table import Host, StateTable
from app.windows import Aggregate, Refusal, Window, WindowResult, pane_size
from app.windows.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from app.state.store import Store
    from app.topics import Topic


class DefinitionError(ValueError):
    """A table that can't be right as it is declared."""


class WindowTable(StateTable):
    """Windows of one aggregate by key.

    `record` makes of a result what queries answer and topics get. With `looks_back`, a record
    depends on the window before its own (`WindowResult.previous`), and follows its corrections.
    Durations in ms. Raises DefinitionError for a definition that can't be right.
    """

    abstract = True
    timed = True

    def __init__(
        self,
        app: Host,
        *,
        name: str,
        source: Topic,
        windows: Iterable[Window],
        aggregate: Aggregate[Any, Any],
        record: Callable[[WindowResult], Any],
        grace: int,
        retention: int,
        help: str,
        looks_back: bool = False,
    ) -> None:
        self.windows = tuple(windows)
        self.aggregate = aggregate
        self.grace = grace
        self.looks_back = looks_back
        self.late_topic: Topic | None = None
        self.late_record: Callable[[Any, Refusal], Any] | None = None
        try:
            self.pane = pane_size(self.windows)
            self.max_size = max(window.size for window in self.windows)
            _check_retention(retention, self.max_size + grace)
        except ValueError as error:
            raise DefinitionError(f"table {name}: {error}") from None
        super().__init__(
            app, name=name, source=source, record=record, retention=retention, help=help
        )

    @property
    def layout(self) -> str:
        """The aggregate, its version, and the length of the panes."""
        name = type(self.aggregate).__name__
        return f"{name} {self.aggregate.version}, panes of {format_duration(self.pane)}"

    @property
    def topics(self) -> list[Topic]:
        """The topics this table writes, that of late records among them."""
        return super().topics + ([self.late_topic] if self.late_topic else [])

    def refuse(self, topic: Topic, record: Callable[[Any, Refusal], Any]) -> None:
        """Write each record that comes after the grace to `topic`, as `record` makes it."""
        self.late_topic, self.late_record = topic, record

    def new_state(self, partition: int, store: Store, *, leads: bool) -> PaneState:
        """Make the state of a partition over its opened store."""
        return PaneState(self, partition, store, leads=leads)

    def read(self, key: str, window: Window, begin: int, end: int) -> list[Any]:
        """Give the records of the windows of `key` with begin <= start < end (ms), oldest first.

        Only partitions open here are looked into; an unknown key has none.
        """
        results = [
            result
            for state in self.open_states()
            if isinstance(state, PaneState)
            for result in state.read(key.encode(), window, begin, end)
        ]
        return [self.record(result) for result in sorted(results, key=lambda r: r.start)]

    def span(self, key: str) -> tuple[int, int] | None:
        """Give start of the oldest and end of the newest pane of `key` (ms); None if unknown."""
        spans = [
            span
            for state in self.open_states()
            if isinstance(state, PaneState) and (span := state.span(key.encode()))
        ]
        return (min(s for s, _ in spans), max(e for _, e in spans)) if spans else None


def _check_retention(retention: int, needed: int) -> None:
    if retention < needed:
        raise ValueError(
            f"a retention of {format_duration(retention)} is shorter than the longest window "
            f"and its grace, {format_duration(needed)}"
        )
