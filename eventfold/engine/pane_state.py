"""One partition of a window table: panes in memory while they may change, and in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventfold.engine.pane_publishing import PanePublishing, spans_of
from eventfold.engine.partition import RecordError, Row, Table
from eventfold.engine.rows import OPEN, RowDecoder, encode_row, prefix, row_key, split_row_key
from eventfold.windows import Pane, WindowFamily, WindowResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventfold.engine.decoded import Decoded
    from eventfold.engine.store import Store
    from eventfold.engine.windowing_strategy import WindowingStrategy


class PaneState(PanePublishing):
    """State of a partition as panes by key and start: restore, checkpoint rows and queries."""

    def __init__(
        self,
        table: Table,
        strategy: WindowingStrategy,
        partition: int,
        store: Store,
        *,
        leads: bool,
    ) -> None:
        super().__init__(table, strategy, partition, store, leads=leads)
        self._decode_row = RowDecoder(
            table.name,
            strategy.aggregate.version,
            [int, int, int, dict[int, int] | None, strategy.aggregate.state],
        )

    # -- opening

    def _load(self) -> None:
        for row in self.store.keys_between(max(0, self.meta.closed - self.strategy.longest)):
            value = self.store.get(row)
            if value is None:
                continue
            pane = self._read(row, value)
            self._add(pane)
            if pane.last_offset >= self.meta.published:
                self._mark_unpublished(pane)
        # The checkpoint may have stopped in the middle of the slices of a leap in time.
        self.behind = bool(self._by_start) and self.meta.closed < self._watermark

    def _read(self, row: bytes, value: bytes) -> Pane:
        key, start = split_row_key(row)
        count, first, last, corrections, state = self._decode_row(row, value)
        return self._make_pane(key, start, state, count, first, last, corrections)

    # -- folding

    def _fold(self, decoded: Decoded, begin: int) -> list[RecordError] | None:
        if self.strategy.publishes_every_change:
            for index in range(begin, len(decoded.offsets)):
                self._fold_range(decoded, index, index + 1)
                self._say_changes(decoded.keys[index], decoded.times[index], decoded.offsets[index])
        elif begin == 0 and self._fold_natively(decoded):
            return None
        elif begin == 0 and self._goes_by_key(decoded):
            return self._fold_by_key(decoded)
        else:
            self._fold_range(decoded, begin, len(decoded.offsets))
        return None

    # -- checkpoints

    def _take_window_rows(self) -> list[Row]:
        rows, self._rows = self._rows + self._encode_dirty(), []
        return rows

    def _encode_dirty(self) -> list[Row]:
        rows = self._encode(self._dirty)
        for pane in self._dirty:
            pane.dirty = False
            self._mark_unpublished(pane)
        self._dirty.clear()
        return rows

    def _encode(self, panes: Sequence[Pane]) -> list[Row]:
        native = self._native
        if native is not None:
            return native.rows.encode(panes, self.strategy.aggregate.version, self._row)
        return [self._row(pane) for pane in panes]

    def _row(self, pane: Pane) -> Row:
        value = encode_row(
            self.strategy.aggregate.version,
            pane.count,
            pane.first_offset,
            pane.last_offset,
            pane.corrections,
            pane.state,
        )
        return row_key(pane.key, pane.start), value

    def _settle_windows(self) -> None:
        """Drop the panes that no open window needs; queries read them from the store."""
        done = self.meta.closed - self.strategy.longest
        for start in [start for start in self._by_start if start <= done]:
            for pane in self._by_start.pop(start):
                panes = self._panes[pane.key]
                del panes[start]
                if not panes:
                    del self._panes[pane.key]
                    for folds in self._folds.values():
                        folds.pop(pane.key, None)

    def _expires_before(self) -> int:
        # Rows that a window which is not final yet is made of must stay.
        end = min(self.meta.stream_time - self.strategy.retention, self.meta.closed)
        return end - self.strategy.longest + 1

    # -- queries

    def read(self, key: bytes, window: WindowFamily, begin: int, end: int) -> list[WindowResult]:
        """Return the windows of `key` with begin <= start < end (ms) that hold a record."""
        # At the edge of the retention the first panes of a window may be deleted and its last not
        # yet; what was deleted under a shorter retention stays deleted.
        begin = max(begin, self._expires_before(), self.meta.expired)
        panes = self._panes_over(key, begin, end + window.longest)
        starts = sorted(panes)
        ending = spans_of(window, starts, starts, begin)
        spans = [span for span in ending if begin <= span.start < end]
        folded = self._fold_panes(panes, starts, spans)
        name = key.decode()
        return [self._result(name, window, *each) for each in folded]

    def _keys_of_memory(self) -> Iterable[bytes]:
        return self._panes

    def _reach(self, window: WindowFamily) -> int:
        return window.longest

    def _previous(self, name: str, start: int) -> Pane | None:
        key = name.encode()
        found = max((s for s in self._panes.get(key, ()) if s < start), default=None)
        if found is not None:
            return self._panes[key][found]
        stored = self.store.last_before(prefix(key), row_key(key, start))
        return None if stored is None else self._read(*stored)

    def _span_of(self, row: bytes, value: bytes) -> tuple[int, int]:
        del value
        start = split_row_key(row)[1]
        return start, self.strategy.slices.end_of(start)

    def _spans_in_memory(self, key: bytes) -> list[tuple[int, int]]:
        panes = self._panes.get(key, ())
        return [(start, self.strategy.slices.end_of(start)) for start in panes]

    def _keys_in_memory(self, begin: int, end: int) -> set[bytes]:
        return {
            pane.key
            for start, panes in self._by_start.items()
            if begin <= start < end
            for pane in panes
        }

    def _panes_over(self, key: bytes, begin: int, end: int) -> dict[int, Pane]:
        """Return the panes of `key` with begin <= start < end (ms) by start, also stored ones."""
        hot = self._panes.get(key, {})
        rows = self.store.scan(row_key(key, max(begin, 0)), row_key(key, min(end, OPEN)))
        stored = {split_row_key(row)[1]: (row, value) for row, value in rows}
        panes = {start: self._read(*item) for start, item in stored.items() if start not in hot}
        return panes | {start: pane for start, pane in hot.items() if begin <= start < end}
