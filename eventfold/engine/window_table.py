"""Table of windows over event time, folded from one topic, partition by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from eventfold.aggregates import Aggregate
from eventfold.engine.rows import OPEN
from eventfold.engine.table import Host, StateTable
from eventfold.engine.window_state import WindowState
from eventfold.engine.windowing_strategy import WindowingStrategy, Windows
from eventfold.topics import BoundTopic, Topic
from eventfold.windows import (
    DefinitionError,
    EmitStrategy,
    Rejection,
    WindowDefinition,
    WindowResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eventfold.engine.store import Store

#: A query over a key's windows first reads FIRST_REACH steps (or sizes) of them, and doubles the
#: range until it finds MANY.
FIRST_REACH, MANY = 16, 128


def _next_reach(reach: int, found: Sized) -> int:
    """Return the range to read next (ms): double it where there are few windows."""
    return reach if len(found) >= MANY else 2 * reach


class Place(NamedTuple):
    """Position of a window in the order of all windows of its definition in a table; unique.

    It changes while a session or count window is open, and never once the window is final.
    """

    key: str
    #: Ms.
    start: int
    end: int
    #: Distinguishes count windows that began and ended together.
    first_offset: int
    #: Distinguishes the two parts of a key whose producers partition differently.
    partition: int


def place_of(result: WindowResult) -> Place:
    """Return the place of a result."""
    return Place(result.key, result.start, result.end, result.first_offset, result.partition)


class WindowTable(StateTable):
    """Windows of one aggregate by key.

        pages = WindowTable(
            app, name="pages", source=VIEWS, windows="5m/1m", aggregate=Count(),
            record=page_views, grace="1m", retention="1d", help="Views of each page",
        )
        pages.publish(PAGE_VIEWS)

    `windows` is one window definition or several, each an object or its text (`"5m/1m"`). `grace`
    is how long a record may be late, `retention` how long windows are kept, both in stream time:
    ms, or text (`"30s"`). `record` makes the record of a `WindowResult`, for queries and topics.

    `emit` is the emit strategy. Without it, changed windows are published at most once per
    EVENTFOLD_PUBLISH_INTERVAL, those that overlap more than 60 times on close.

    With `uses_previous_window`, a record may use the previous window (`WindowResult.previous`), and
    is published again when that one is corrected: its revision is of the highest source offset in
    either. Sessions, count windows and `every_change()` don't allow it.

    Raises DefinitionError for a definition that can't be right, such as a retention shorter than
    the longest window and the grace.
    """

    abstract = True
    timed = True

    def __init__(
        self,
        app: Host,
        *,
        name: str,
        source: Topic,
        windows: Windows | Iterable[Windows],
        aggregate: Aggregate[Any, Any],
        record: Callable[[WindowResult], Any],
        grace: int | str,
        retention: int | str,
        help: str,
        uses_previous_window: bool = False,
        emit: EmitStrategy | None = None,
    ) -> None:
        try:
            self.strategy = WindowingStrategy(
                windows,
                aggregate,
                grace=grace,
                retention=retention,
                emit=emit,
                uses_previous_window=uses_previous_window,
            )
            _check_source(source)
            if uses_previous_window and self.strategy.publishes_every_change:
                raise DefinitionError("a table that looks back can't publish every change")
        except ValueError as error:
            raise DefinitionError(f"table {name}: {error}") from None
        self.windows = self.strategy.windows
        self.aggregate = aggregate
        self.grace = self.strategy.grace
        self.uses_previous_window = uses_previous_window
        super().__init__(
            app,
            name=name,
            source=source,
            record=record,
            retention=self.strategy.retention,
            help=help,
            layout=self.strategy.layout,
            definition=self.strategy.definition,
        )

    @property
    def publish_interval(self) -> int:
        """Time between two publications (ms)."""
        emit = self.strategy.emit
        if emit is None or emit.interval is None:
            return super().publish_interval
        return emit.interval

    @property
    def topics(self) -> list[BoundTopic]:
        """Topics that this table writes, including that of late records."""
        return super().topics + ([self.late_topic] if self.late_topic else [])

    def late(self, topic: Topic, record: Callable[[Any, Rejection], Any]) -> None:
        """Write late records to `topic`, as `record` makes them of a record and its `Rejection`."""
        self.late_topic = self.strategy.late_topic = topic.of(self.runtime.conf)
        self.strategy.late_record = record

    def new_state(
        self, partition: int, store: Store, *, reports_decode_errors: bool
    ) -> WindowState:
        """Create the state of a partition over its opened store."""
        return WindowState(
            self, self.strategy, partition, store, reports_decode_errors=reports_decode_errors
        )

    # -- queries of the local partitions; an unknown key has no windows

    def read(self, key: str, window: WindowDefinition, begin: int, end: int) -> list[Any]:
        """Return the records of the windows of `key` with begin <= start < end (ms), ascending."""
        return [self.record(result) for result in self.results(key, window, begin, end)]

    def results(
        self, key: str, window: WindowDefinition, begin: int, end: int
    ) -> list[WindowResult]:
        """Return the windows of `key` with begin <= start < end (ms), oldest first."""
        found = [
            result
            for state in self._window_states()
            for result in state.read(key.encode(), window, begin, end)
        ]
        return sorted(found, key=place_of)

    def newest_first(
        self, key: str, window: WindowDefinition, begin: int, end: int
    ) -> Iterator[Any]:
        """Yield the records of the windows of `key` that start in [begin, end) (ms), newest first.

        Folding may go on between two windows. If partitions may close meanwhile, use `kept_open`.
        """
        span = self.span(key)
        if span is None:
            return
        begin, end = max(begin, span[0] - self.strategy.longest), min(end, span[1])
        reach = FIRST_REACH * (window.advance or window.size)
        while begin < end:
            start = max(begin, end - reach)
            found = self.results(key, window, start, end)
            yield from map(self.record, reversed(found))
            end, reach = start, _next_reach(reach, found)

    def each_row(self, key: str) -> Iterator[Any]:
        """Yield the records of a key's windows: by definition, and then oldest first."""
        for window in self.windows:
            yield from map(self.record, self._ascending(key, window, 0, OPEN))

    def keys_of(self, window: WindowDefinition, begin: int, end: int) -> Iterator[str]:
        """Yield the keys that may have windows with begin <= start < end (ms), and a few more.

        Some are yielded more than once. Folding may go on between two keys. If partitions may close
        meanwhile, use `kept_open`.
        """
        for state in self._window_states():
            for key in state.keys_of(window, begin, end):
                yield key.decode()

    def windows_of(
        self,
        keys: Iterable[str],
        window: WindowDefinition,
        begin: int,
        end: int,
        after: Place | None = None,
    ) -> Iterator[WindowResult]:
        """Yield the windows of keys that start in [begin, end) (ms) and come after `after`.

        They are ordered by place. They are read a few at a time, each as it is then.
        """
        for key in sorted(keys):
            if after is None or key > after.key:
                yield from self._ascending(key, window, begin, end)
            elif key == after.key:
                found = self._ascending(key, window, max(begin, after.start), end)
                yield from (result for result in found if place_of(result) > after)

    def _ascending(
        self, key: str, window: WindowDefinition, begin: int, end: int
    ) -> Iterator[WindowResult]:
        """Yield the windows of `key`, oldest first, reading a few at a time."""
        span = self.span(key)
        if span is None:
            return
        begin, end = max(begin, span[0] - self.strategy.longest), min(end, span[1])
        reach = FIRST_REACH * (window.advance or window.size)
        while begin < end:
            until = min(begin + reach, end)
            found = self.results(key, window, begin, until)
            yield from found
            begin, reach = until, _next_reach(reach, found)

    def span(self, key: str) -> tuple[int, int] | None:
        """Return start of the oldest and end of the newest row of `key` (ms); None if unknown."""
        spans = [span for state in self._window_states() if (span := state.span(key.encode()))]
        return (min(s for s, _ in spans), max(e for _, e in spans)) if spans else None

    def late_of(self, key: str) -> int:
        """Return the number of records of `key` that were late, within the retention."""
        return sum(state.late_of(key.encode()) for state in self._window_states())

    def lateness(self) -> dict[int, int]:
        """Return the lateness distribution: ms behind stream time (upper bound) → records."""
        total: dict[int, int] = {}
        for state in self._window_states():
            for behind, records in state.meta.lateness.items():
                total[behind] = total.get(behind, 0) + records
        return total

    def _window_states(self) -> list[WindowState]:
        return [state for state in self.open_states() if isinstance(state, WindowState)]


def _check_source(source: Topic) -> None:
    """Raise DefinitionError if a topic's records lack its key field or its time field (ms)."""
    fields = {field.name: field.type for field in msgspec.structs.fields(source.value)}
    if source.key not in fields:
        raise DefinitionError(
            f"{source.value.__name__} has no field {source.key!r}, the key of {source.base_name}"
        )
    if isinstance(source.time, str):
        kind = msgspec.inspect.type_info(fields.get(source.time, type(None)))
        if not isinstance(kind, msgspec.inspect.IntType):
            raise DefinitionError(
                f"{source.value.__name__} has no whole number {source.time!r}, the time (ms) of "
                f"the events of {source.base_name}; or name a Timestamp"
            )
