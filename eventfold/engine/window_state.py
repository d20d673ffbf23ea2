"""One partition of a window table: its windows, and the lateness of its records."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from eventfold.engine.count_windows import CountWindows
from eventfold.engine.decoded import Decoded
from eventfold.engine.lateness import Lateness
from eventfold.engine.owner import Table
from eventfold.engine.pane_windows import PaneWindows
from eventfold.engine.partition import EXPIRE_SLICE, PartitionState, RecordError
from eventfold.engine.portion import Portion
from eventfold.engine.rows import OPEN, Row, prefix, row_key, split_row_key
from eventfold.engine.session_windows import SessionWindows
from eventfold.engine.store import Store, in_pieces
from eventfold.engine.window_partition import WindowPartition
from eventfold.engine.windowing_strategy import WindowingStrategy
from eventfold.windows import Count, Session, WindowDefinition, WindowResult

#: Windows that aren't made of panes, by definition.
_FOLLOWING: dict[type[Any], type[SessionWindows | CountWindows]] = {
    Session: SessionWindows,
    Count: CountWindows,
}


class WindowState(PartitionState):
    """State of one partition of a window table."""

    def __init__(
        self,
        table: Table,
        strategy: WindowingStrategy,
        partition: int,
        store: Store,
        *,
        reports_decode_errors: bool,
    ) -> None:
        super().__init__(table, partition, store, reports_decode_errors=reports_decode_errors)
        self._strategy = strategy
        shared = WindowPartition(table, strategy, partition, store, self.meta, self.outputs)
        self._lateness = Lateness(shared)
        kind = _FOLLOWING.get(type(strategy.windows[0]), PaneWindows)
        self.windows = kind(shared, self._lateness)

    def _load(self) -> None:
        self.windows.load()

    def _fold(self, decoded: Decoded, begin: int) -> Sequence[RecordError]:
        return self.windows.fold(decoded, begin)

    # -- checkpoints

    @property
    def behind(self) -> bool:
        """Whether more work is due than one checkpoint may take on: the next follows at once."""
        return self.windows.behind

    @property
    def unpublished(self) -> bool:
        """Whether windows changed, or became final, since the last publication."""
        return self.windows.unpublished or self.position != self.meta.published

    @property
    def held(self) -> int:
        """Number of rows in memory because results of them are still to come."""
        return self.windows.held

    @property
    def changed_rows(self) -> int:
        """Approximate number of rows in the next snapshot."""
        return self.windows.changed_rows + self._lateness.counts.changed

    def _take_rows(self) -> list[Row]:
        return self.windows.take_rows() + self._lateness.counts.take_rows()

    def _settle(self) -> None:
        self._lateness.counts.settle()
        self.windows.settle()

    def _expires_before(self) -> int:
        return self.windows.expires_before()

    def _expire(self) -> list[bytes]:
        counts = self._lateness.counts
        return super()._expire() + counts.expire(self.meta.expired, EXPIRE_SLICE)

    def _publish(self) -> int:
        portion = Portion(self.outputs.outgoing, self.outputs.records)
        position = self.windows.publish(portion, self.position)
        self.windows.results.count()
        return position

    # -- queries

    def read(
        self, key: bytes, window: WindowDefinition, begin: int, end: int
    ) -> list[WindowResult]:
        """Return the windows of `key` with begin <= start < end (ms) that hold a record."""
        return self.windows.read(key, window, begin, end)

    def keys_of(self, window: WindowDefinition, begin: int, end: int) -> Iterator[bytes]:
        """Return the keys that may have windows with begin <= start < end (ms), and a few more.

        A key may be repeated, and folding may continue between two keys. A short range is looked up
        by time; a range longer than half the retention returns all keys.
        """
        if end - begin > self._strategy.retention // 2:
            return self.each_key()
        # A pane starts within its window; a window that follows the data is in a row at its start.
        reach = 0 if self._strategy.follows_data else window.longest
        return self._keys_over(begin, end + reach)

    def late_of(self, key: bytes) -> int:
        """Return how many of a key's records were late, within the retention."""
        return self._lateness.counts.of(key)

    def rows_of(self, key: bytes) -> list[Any]:
        """Return a key's records for each window definition of the table, each oldest first."""
        return [
            self.table.record(result)
            for window in self._strategy.windows
            for result in self.read(key, window, 0, OPEN)
        ]

    def span(self, key: bytes) -> tuple[int, int] | None:
        """Return the start and end (ms) of a key's panes and windows; None if unknown."""
        begin, end = prefix(key), row_key(key, OPEN)
        rows = list(islice(self.store.scan(begin, end), 1))
        newest = self.store.last_before(begin, end)
        if newest is not None:
            rows.append(newest)
        spans = self.windows.spans(key, rows)
        return (min(s for s, _ in spans), max(e for _, e in spans)) if spans else None

    def _keys_over(self, begin: int, end: int) -> Iterator[bytes]:
        # Memory first: a row that is written meanwhile was in memory before, so none is missed.
        yield from self.windows.keys_between(begin, end)
        for row in in_pieces(partial(self.store.keys_between, max(begin, 0), max(end, 0))):
            yield split_row_key(row)[0]

    def _keys_of_memory(self) -> Iterable[bytes]:
        return self.windows.keys()
