"""Closed windows of a table of sessions or count windows: one row for each window start."""

from collections.abc import Iterable, Iterator
from typing import Any

from eventfold.aggregates import Aggregate
from eventfold.engine.rows import OPEN, RowDecoder, encode_row, row_key, split_row_key
from eventfold.engine.store import Store
from eventfold.windows import Evidence, Folded, Span

#: Most windows in a row. Any number of count windows may share a start: what exceeds this goes
#: into the row of the next millisecond that has room.
FULL = 16

#: Window as stored in its row: start, end, count, first and last offset, late records, state.
_Stored = tuple[int, int, int, int, int, int, Any]


class ClosedWindows:
    """Closed windows of one partition: in memory until the store has them, then only there.

    A window that starts at `s` is in the row at `s`, or, if that is full, in the first row after it
    that has room. A full row gets room again only by its expiry, which also removes the windows of
    all earlier starts.
    """

    def __init__(self, table: str, aggregate: Aggregate[Any, Any], store: Store) -> None:
        self._store = store
        self._version = aggregate.version
        stored = tuple.__class_getitem__((int, int, int, int, int, int, aggregate.state))
        self._decode = RowDecoder(table, aggregate.version, [list.__class_getitem__(stored)])
        #: Changed rows that the store does not have yet, by key and start.
        self._rows: dict[bytes, dict[int, list[Folded]]] = {}
        self._dirty: set[tuple[bytes, int]] = set()

    def add(self, key: bytes, window: Folded, row: int | None = None) -> int:
        """Add a window, in the first free row from `row` on; return the start (ms) of its row."""
        at = window.span.start if row is None else row
        while len(windows := self._row(key, at)) >= FULL:
            at += 1
        windows.append(window)
        self._rows.setdefault(key, {})[at] = windows
        self._dirty.add((key, at))
        return at

    def between(self, key: bytes, begin: int, end: int) -> list[Folded]:
        """Return the windows of `key` with begin <= start < end (ms), ascending by start."""
        begin, end = max(begin, 0), min(end, OPEN)
        stored = self._store.scan(row_key(key, begin), row_key(key, end))
        rows = {split_row_key(row)[1]: self._read(row, value) for row, value in stored}
        kept = self._rows.get(key, {})
        rows |= {start: windows for start, windows in kept.items() if begin <= start < end}
        # Windows that found a row full are in the next one.
        last = end - 1
        while len(rows.get(last, ())) >= FULL:
            last += 1
            rows[last] = self._row(key, last)
        windows = [window for row in rows.values() for window in row]
        return sorted((w for w in windows if begin <= w.span.start < end), key=lambda w: w.span)

    def span_of(self, row: bytes, value: bytes) -> Span:
        """Return the first start and the last end (ms) in a row."""
        return _outermost(self._read(row, value))

    # -- what is in memory

    def keys(self) -> Iterable[bytes]:
        """Return the keys with windows in memory."""
        return self._rows.keys()

    def keys_between(self, begin: int, end: int) -> set[bytes]:
        """Return the keys with a row in memory that has begin <= start < end (ms)."""
        return {
            key for key, rows in self._rows.items() if any(begin <= start < end for start in rows)
        }

    @property
    def changed(self) -> int:
        """Number of rows changed since the last `take_rows`."""
        return len(self._dirty)

    def spans(self, key: bytes) -> list[tuple[int, int]]:
        """Return the first start and the last end (ms) of each row of `key` in memory."""
        return [_outermost(windows) for windows in self._rows.get(key, {}).values()]

    def take_rows(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows changed since the last call, encoded."""
        for key, start in self._dirty:
            windows = [_stored(window) for window in self._rows[key][start]]
            yield row_key(key, start), encode_row(self._version, windows)
        self._dirty.clear()

    def settle(self) -> None:
        """Drop the rows that the store now has."""
        kept: dict[bytes, dict[int, list[Folded]]] = {}
        for key, start in self._dirty:
            kept.setdefault(key, {})[start] = self._rows[key][start]
        self._rows = kept

    def _row(self, key: bytes, start: int) -> list[Folded]:
        windows = self._rows.get(key, {}).get(start)
        if windows is not None:
            return windows
        row = row_key(key, start)
        value = self._store.get(row)
        return [] if value is None else self._read(row, value)

    def _read(self, row: bytes, value: bytes) -> list[Folded]:
        return [_folded(stored) for stored in self._decode(row, value)[0]]


def _stored(window: Folded) -> _Stored:
    evidence = window.evidence
    return (
        window.span.start,
        window.span.end,
        evidence.count,
        evidence.first_offset,
        evidence.last_offset,
        evidence.late,
        window.state,
    )


def _folded(stored: _Stored) -> Folded:
    start, end, *evidence, state = stored
    return Folded(Span(start, end), state, Evidence(*evidence))


def _outermost(windows: list[Folded]) -> Span:
    spans = [window.span for window in windows]
    return Span(min(start for start, _ in spans), max(end for _, end in spans))
