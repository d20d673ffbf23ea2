"""One partition of a window table: panes in memory while they may change, in the store for good."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from app.state import metrics
from app.state.partition import PartitionState, RecordError, Row
from app.state.rows import RowDecoder, encode_row, prefix, row_key, split_row_key
from app.windows import (
    Folded,
    Pane,
    Refusal,
    Window,
    WindowResult,
    fold_windows,
    horizon,
    is_final,
    revision,
)

if TYPE_CHECKING:
    from app.state.batch import Decoded
    from app.state.store import Store
    from app.state.window_table import WindowTable

logger = logging.getLogger(__name__)

#: Most panes that one publication finalises.
SLICE = 1_000

#: Above this, windows are published on close only: they overlap too often to say each change.
MAX_OVERLAP = 60


class PaneState(PartitionState):
    """Panes by key and start; which of them changed, and up to when they are final."""

    table: WindowTable

    def __init__(self, table: WindowTable, partition: int, store: Store, *, leads: bool) -> None:
        super().__init__(table, partition, store, leads=leads)
        #: The panes that may still change or be published, by key and by start.
        self._panes: dict[bytes, dict[int, Pane]] = {}
        self._by_start: dict[int, list[Pane]] = {}
        self._dirty: list[Pane] = []
        self._unpublished: list[Pane] = []
        #: Results of this publication, by whether they are final.
        self._said: Counter[bool] = Counter()
        self._decode_row = RowDecoder(
            table.name,
            table.aggregate.version,
            [int, int, int, dict[int, int] | None, table.aggregate.state],
        )

    # -- opening

    def _load(self) -> None:
        for row in self.store.keys_between(max(0, self.meta.finalised - self.table.max_size)):
            value = self.store.get(row)
            if value is None:
                continue
            pane = self._read(row, value)
            self._add(pane)
            if pane.last_offset >= self.meta.published:
                self._mark_unpublished(pane)
        # A leap in time may have been cut off in the middle of its slices.
        reached = horizon(self.meta.stream_time, self.table.grace)
        self.behind = bool(self._by_start) and self.meta.finalised < reached

    def _read(self, row: bytes, value: bytes) -> Pane:
        key, start = split_row_key(row)
        count, first, last, corrections, state = self._decode_row(row, value)
        return Pane(key, start, state, count, first, last, corrections)

    # -- folding

    def _fold(self, decoded: Decoded, begin: int) -> None:
        # The hot loop: everything it touches is a local.
        table, panes_of, dirty = self.table, self._panes, self._dirty
        add, grace, length = table.aggregate.add, table.grace, table.pane
        keys, times, offsets, records = (
            decoded.keys,
            decoded.times,
            decoded.offsets,
            decoded.records,
        )
        clock = self.meta.stream_time
        limit = horizon(clock, grace)
        late: list[tuple[int, int]] = []
        index = begin
        try:
            for index in range(begin, len(offsets)):
                time = times[index]
                if time > clock:
                    clock = time
                    limit = time - grace
                elif time < limit:
                    late.append((index, clock))
                    continue
                start = time - time % length
                try:
                    pane = panes_of[keys[index]][start]
                except KeyError:
                    pane = self._new_pane(keys[index], start)
                offset = offsets[index]
                add(pane.state, records[index], time, offset)
                if pane.count == 0:
                    pane.first_offset = offset
                pane.count += 1
                pane.last_offset = offset
                if not pane.dirty:
                    pane.dirty = True
                    dirty.append(pane)
                if clock >= start + length:
                    pane.correct(clock - clock % length)
        except Exception as error:  # an aggregate may raise anything
            # What was not accepted moves no clock, and leaves no empty pane.
            clock = max([self.meta.stream_time, *times[begin:index]])
            self._discard_empty(keys[index])
            raise RecordError(index, error) from error
        finally:
            self.meta.stream_time = clock
            self._refuse(decoded, late)

    def _new_pane(self, key: bytes, start: int) -> Pane:
        if key not in self._panes:
            self.table.saw(key, self.partition)
        pane = Pane(key, start, self.table.aggregate.zero())
        self._add(pane)
        return pane

    def _discard_empty(self, key: bytes) -> None:
        panes = self._panes.get(key, {})
        for pane in [pane for pane in panes.values() if not pane.count]:
            self._by_start[pane.start].remove(pane)
            del panes[pane.start]
        if not panes:
            self._panes.pop(key, None)

    def _add(self, pane: Pane) -> None:
        self._panes.setdefault(pane.key, {})[pane.start] = pane
        self._by_start.setdefault(pane.start, []).append(pane)

    def _refuse(self, decoded: Decoded, late: list[tuple[int, int]]) -> None:
        table = self.table
        if not late:
            return
        metrics.late.labels(table.name, str(self.partition)).inc(len(late))
        if table.late_topic is None or table.late_record is None:
            return
        for index, stream_time in late:
            offset = decoded.offsets[index]
            refusal = Refusal("late", stream_time, table.grace, self.partition, offset, table.name)
            record = table.late_record(decoded.records[index], refusal)
            self.append(table.late_topic, decoded.keys[index].decode(), record, offset)

    # -- checkpoints

    @property
    def unpublished(self) -> bool:
        """Whether windows changed, or became final, since the last publication."""
        return bool(self._unpublished) or self.behind or self.position != self.meta.published

    def _take_rows(self) -> list[Row]:
        version = self.table.aggregate.version
        rows: list[Row] = []
        for pane in self._dirty:
            pane.dirty = False
            self._mark_unpublished(pane)
            value = encode_row(
                version,
                pane.count,
                pane.first_offset,
                pane.last_offset,
                pane.corrections,
                pane.state,
            )
            rows.append((row_key(pane.key, pane.start), value))
        self._dirty.clear()
        return rows

    def _mark_unpublished(self, pane: Pane) -> None:
        if not pane.unpublished:
            pane.unpublished = True
            self._unpublished.append(pane)

    def _settle(self) -> None:
        """Drop the panes that no window still needs; from now on the store answers for them."""
        done = self.meta.finalised - self.table.max_size
        for start in [start for start in self._by_start if start <= done]:
            for pane in self._by_start.pop(start):
                panes = self._panes[pane.key]
                del panes[start]
                if not panes:
                    del self._panes[pane.key]

    def _expires_before(self) -> int:
        # Only what no window that is still to become final is made of.
        end = min(self.meta.stream_time - self.table.retention, self.meta.finalised)
        return end - self.table.max_size + 1

    # -- publication

    def _publish(self) -> None:
        self._relate()
        before, until = self.meta.finalised, self._next_horizon()
        changed: dict[bytes, list[Pane]] = {}
        for pane in self._unpublished:
            pane.unpublished = False
            changed.setdefault(pane.key, []).append(pane)
        self._unpublished.clear()
        for key in changed.keys() | self._keys_between(before, until):
            self._publish_key(key, changed.get(key, ()), before, until)
        self.meta.finalised = until
        for final, results in self._said.items():
            metrics.published.labels(self.table.name, str(final).lower()).inc(results)
        self._said.clear()

    def _publish_key(self, key: bytes, changed: Iterable[Pane], before: int, until: int) -> None:
        panes = sorted(self._panes[key].values(), key=_start)
        name, length = key.decode(), self.table.pane
        for window in self.table.windows:
            size = window.size
            starts = {
                start
                for pane in panes
                if before - size < pane.start < until
                for start in window.starts_over(pane.start, pane.start + length)
                if before < start + size <= until
            }
            if size // window.advance <= MAX_OVERLAP:
                starts.update(
                    start
                    for pane in changed
                    for start in window.starts_over(pane.start, pane.start + length)
                    if start + size > until
                )
            for folded in fold_windows(panes, window, sorted(starts), self.table.aggregate.merge):
                self._emit(self._result(name, window, folded, until))

    def _result(self, key: str, window: Window, folded: Folded, until: int) -> WindowResult:
        start, state, evidence = folded
        end = start + window.size
        final = is_final(end, until)
        return WindowResult(
            key,
            window,
            start,
            end,
            state,
            evidence.count,
            evidence.first_offset,
            evidence.last_offset,
            evidence.late,
            final,
            revision(evidence.last_offset, final=final),
            self.partition,
            self.meta.stream_time,
            self._before,
        )

    def _emit(self, result: WindowResult) -> None:
        self._said[result.final] += 1
        for topic, record in self.table.publications:
            self.send(topic, result.key, record(result))

    def _next_horizon(self) -> int:
        """Give up to when windows become final now; not all at once after a leap in time."""
        before = self.meta.finalised
        until = max(before, horizon(self.meta.stream_time, self.table.grace))
        panes = 0
        self.behind = False
        for start in sorted(start for start in self._by_start if before <= start < until):
            if panes > SLICE and start > before:
                self.behind = True
                return start
            panes += len(self._by_start[start])
        return until

    def _keys_between(self, before: int, until: int) -> set[bytes]:
        """Give the keys with a pane in a window that ends in `(before, until]`."""
        if before == until:
            return set()
        lowest = before - self.table.max_size
        return {
            pane.key
            for start, panes in self._by_start.items()
            if lowest < start < until
            for pane in panes
        }

    def _relate(self) -> None:
        """A changed window changes the next one's record too, where that looks back."""
        if self.table.looks_back:
            for pane in list(self._unpublished):
                later = [p for s, p in self._panes[pane.key].items() if s > pane.start]
                if later:
                    self._mark_unpublished(min(later, key=_start))

    # -- queries

    def read(self, key: bytes, window: Window, begin: int, end: int) -> list[WindowResult]:
        """Give the windows of `key` with begin <= start < end (ms) that hold a record."""
        # At the edge of the retention a window's first panes may be deleted, its last not yet.
        begin = max(begin, self._expires_before())
        panes = self._panes_over(key, begin, end + window.size)
        starts = sorted(
            {
                start
                for pane in panes
                for start in window.starts_over(pane.start, pane.start + self.table.pane)
                if begin <= start < end
            }
        )
        merge = self.table.aggregate.merge
        name = key.decode()
        until = self.meta.finalised
        return [
            self._result(name, window, folded, until)
            for folded in fold_windows(panes, window, starts, merge)
        ]

    def rows_of(self, key: bytes) -> list[Any]:
        """Give the windows of every kind that the table serves, oldest first."""
        return [
            self.table.record(result)
            for window in self.table.windows
            for result in self.read(key, window, 0, 1 << 62)
        ]

    def all_keys(self) -> set[bytes]:
        """Give the keys that have panes."""
        return super().all_keys() | set(self._panes)

    def _before(self, name: str, start: int) -> Any | None:
        key = name.encode()
        found = max((s for s in self._panes.get(key, ()) if s < start), default=None)
        if found is not None:
            return self._panes[key][found].state
        stored = self.store.last_before(prefix(key), row_key(key, start))
        return None if stored is None else self._read(*stored).state

    def span(self, key: bytes) -> tuple[int, int] | None:
        """Give start of the oldest and end of the newest pane of `key` (ms); None if unknown."""
        starts = list(self._panes.get(key, ()))
        begin, end = prefix(key), row_key(key, (1 << 63) - 1)
        for row, _ in islice(self.store.scan(begin, end), 1):
            starts.append(split_row_key(row)[1])
        newest = self.store.last_before(begin, end)
        if newest is not None:
            starts.append(split_row_key(newest[0])[1])
        return (min(starts), max(starts) + self.table.pane) if starts else None

    def _panes_over(self, key: bytes, begin: int, end: int) -> list[Pane]:
        """Give the panes of `key` with begin <= start < end: the store's, then memory's."""
        hot = self._panes.get(key, {})
        end = min(end, (1 << 63) - 1)
        rows = self.store.scan(row_key(key, max(begin, 0)), row_key(key, end))
        panes = {split_row_key(row)[1]: (row, value) for row, value in rows}
        cold = [self._read(*item) for start, item in panes.items() if start not in hot]
        warm = [pane for start, pane in hot.items() if begin <= start < end]
        return sorted(cold + warm, key=_start)


def _start(pane: Pane) -> int:
    return pane.start
