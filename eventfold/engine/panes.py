"""Panes of one partition of a window table: in memory while they may change, and in the store."""

from collections.abc import Iterator, Sequence

from eventfold.aggregates import Ohlc
from eventfold.engine.native_candles import pane_maker
from eventfold.engine.rows import (
    OPEN,
    Row,
    RowDecoder,
    encode_row,
    prefix,
    row_key,
    split_row_key,
)
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import Pane


class Panes:
    """Panes that may still change or be published, by key and by start; all others are stored."""

    def __init__(self, partition: WindowPartition) -> None:
        strategy, native = partition.strategy, partition.table.runtime.native
        self._table = partition.table
        self._partition = partition.number
        self._store = partition.store
        self._aggregate = strategy.aggregate
        self._slices = strategy.slices
        #: The native extension if it is in use and the aggregate is exactly `Ohlc`; else None. With
        #: it, panes are objects of the extension.
        self.native = native if type(strategy.aggregate) is Ohlc else None
        self._make = pane_maker(self.native)
        self.by_key: dict[bytes, dict[int, Pane]] = {}
        self.by_start: dict[int, list[Pane]] = {}
        #: Panes changed since the last checkpoint.
        self.dirty: list[Pane] = []
        self._decode_row = RowDecoder(
            partition.table.name,
            strategy.aggregate.version,
            [int, int, int, dict[int, int] | None, strategy.aggregate.state],
        )

    def __len__(self) -> int:
        return sum(map(len, self.by_start.values()))

    def load(self, begin: int) -> Iterator[Pane]:
        """Load the stored panes from `begin` (ms) on, and yield them."""
        for row in self._store.keys_between(begin):
            value = self._store.get(row)
            if value is not None:
                pane = self._read(row, value)
                self._add(pane)
                yield pane

    def new(self, key: bytes, start: int) -> Pane:
        """Add an empty pane."""
        if key not in self.by_key:
            self._table.saw(key, self._partition)
        zero = None if self.native is not None else self._aggregate.zero()
        pane = self._make(key, start, zero)
        self._add(pane)
        return pane

    def _add(self, pane: Pane) -> None:
        self.by_key.setdefault(pane.key, {})[pane.start] = pane
        self.by_start.setdefault(pane.start, []).append(pane)

    def discard_empty(self, key: bytes) -> None:
        """Remove the panes of a key that hold no record."""
        panes = self.by_key.get(key, {})
        for pane in [pane for pane in panes.values() if not pane.count]:
            self.by_start[pane.start].remove(pane)
            del panes[pane.start]
        if not panes:
            self.by_key.pop(key, None)

    def drop(self, until: int) -> list[bytes]:
        """Drop the panes that start by `until` (ms); return the keys that have none left."""
        gone = []
        for start in [start for start in self.by_start if start <= until]:
            for pane in self.by_start.pop(start):
                panes = self.by_key[pane.key]
                del panes[start]
                if not panes:
                    del self.by_key[pane.key]
                    gone.append(pane.key)
        return gone

    # -- rows

    def _read(self, row: bytes, value: bytes) -> Pane:
        key, start = split_row_key(row)
        count, first, last, corrections, state = self._decode_row(row, value)
        return self._make(key, start, state, count, first, last, corrections)

    def encode(self, panes: Sequence[Pane]) -> list[Row]:
        """Return the rows of panes."""
        if self.native is not None:
            return self.native.rows.encode(panes, self._aggregate.version, self._row)
        return [self._row(pane) for pane in panes]

    def _row(self, pane: Pane) -> Row:
        value = encode_row(
            self._aggregate.version,
            pane.count,
            pane.first_offset,
            pane.last_offset,
            pane.corrections,
            pane.state,
        )
        return row_key(pane.key, pane.start), value

    # -- queries, also of stored panes

    def over(self, key: bytes, begin: int, end: int) -> dict[int, Pane]:
        """Return the panes of `key` with begin <= start < end (ms) by start."""
        hot = self.by_key.get(key, {})
        rows = self._store.scan(row_key(key, max(begin, 0)), row_key(key, min(end, OPEN)))
        stored = {split_row_key(row)[1]: (row, value) for row, value in rows}
        panes = {start: self._read(*item) for start, item in stored.items() if start not in hot}
        return panes | {start: pane for start, pane in hot.items() if begin <= start < end}

    def previous(self, name: str, start: int) -> Pane | None:
        """Return the key's last pane before `start` (ms); None if there is none."""
        key = name.encode()
        found = max((s for s in self.by_key.get(key, ()) if s < start), default=None)
        if found is not None:
            return self.by_key[key][found]
        stored = self._store.last_before(prefix(key), row_key(key, start))
        return None if stored is None else self._read(*stored)

    def spans(self, key: bytes, rows: Sequence[tuple[bytes, bytes]]) -> list[tuple[int, int]]:
        """Return start and end (ms) of a key's panes in memory, and of those in `rows`."""
        starts = [*self.by_key.get(key, ()), *(split_row_key(row)[1] for row, _ in rows)]
        return [(start, self._slices.end_of(start)) for start in starts]

    def keys_between(self, begin: int, end: int) -> set[bytes]:
        """Return the keys with a pane in memory that has begin <= start < end (ms)."""
        return {
            pane.key
            for start, panes in self.by_start.items()
            if begin <= start < end
            for pane in panes
        }
