"""One partition of a table of keys: their states in memory, and the moments that are awaited."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import msgspec

from app.state import metrics
from app.state.partition import RecordError, Row
from app.state.rows import (
    LATE,
    MAX_KEY,
    META,
    OPEN,
    RowDecoder,
    encode_row,
    row_key,
    split_row_key,
)
from app.state.sending import SendingState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.state.decoded import Decoded
    from app.state.keyed_table import KeyedTable
    from app.state.store import Store

#: Where rows of what all keys share stand, which have a name instead of a key.
SHARED = LATE

#: Beyond all rows.
_END = b"\xff" * 3


class _Entry(msgspec.Struct, gc=False, eq=False):
    """What is known of a key. Times in ms."""

    state: Any
    #: The moment that is awaited, None for none.
    wake: int | None
    #: Event time of its newest record.
    last: int
    #: The moment for which it stands in the heap.
    noted: int = -1
    #: Whether it has a row.
    written: bool = False


class KeyedState(SendingState):
    """The states of one partition's keys; it is the context of the functions that make them.

    Moments come in the order of time and key, before the record that lets them come: what happens
    follows from the log alone, however it is cut into batches and whatever crashes.
    """

    table: KeyedTable

    def __init__(self, table: KeyedTable, partition: int, store: Store, *, leads: bool) -> None:
        super().__init__(table, partition, store, leads=leads)
        self._retention = table.retention
        self._entries: dict[bytes, _Entry] = {}
        self._shared: dict[str, Any] = {}
        #: What is due, by time and key; of an entry that has moved on since, the old one is void.
        self._moments: list[tuple[int, bytes]] = []
        self._changed: dict[bytes, _Entry] = {}
        self._changed_shared: set[str] = set()
        self._decode = RowDecoder(table.name, table.version, [int | None, int, table.state_type])
        self._decode_shared = RowDecoder(table.name, table.version, [table.shared_type])
        # Of what is handled.
        self.time = -1
        self._offset = -1
        self._record_key = b""
        self._key = b""
        self._wake: int | None = None
        self.late = False

    # -- the context

    @property
    def offset(self) -> int:
        """Offset of the record, or of that which let a moment come."""
        return self._offset

    @property
    def _source_key(self) -> bytes:
        return self._record_key

    @property
    def key(self) -> str:
        """The key; empty where a record concerns all of them."""
        return self._key.decode()

    @property
    def shared(self) -> Mapping[str, Any]:
        """What all keys share."""
        return self._shared

    def share(self, name: str, value: Any | None) -> None:
        """Let all keys share a value; None takes it away."""
        if value is None:
            self._shared.pop(name, None)
        else:
            self._shared[name] = value
        self._changed_shared.add(name)

    def wake(self, at: int | None) -> None:
        """Be called again when stream time less the grace reaches `at`; None: not any more."""
        self._wake = at

    # -- opening

    def _load(self) -> None:
        for row, value in self.store.scan(b"", _END):
            if row == META:
                continue
            key, place = split_row_key(row)
            if place == SHARED:
                (self._shared[key.decode()],) = self._decode_shared(row, value)
                continue
            wake, last, state = self._decode(row, value)
            entry = self._entries[key] = _Entry(state, wake, last, written=True)
            self._await(key, entry)

    # -- folding

    def _fold(self, decoded: Decoded, begin: int) -> None:
        # The hot loop: everything it touches is a local.
        meta, grace, key_of = self.meta, self.table.grace, self.table.key
        timeless, on_record = self.table.timeless, self.table.process.on_record
        keys, times, offsets, records = (
            decoded.keys,
            decoded.times,
            decoded.offsets,
            decoded.records,
        )
        late = 0
        index = begin
        try:
            for index in range(begin, len(offsets)):
                time, record = times[index], records[index]
                if timeless and isinstance(record, timeless):
                    self.late = False
                elif time > meta.stream_time:
                    meta.stream_time = time
                    if self._moments and self._moments[0][0] <= time - grace:
                        self._pass_moments(time - grace, offsets[index])
                    self.late = False
                else:
                    self.late = time < meta.stream_time - grace
                    late += self.late
                self.time, self._offset, self._record_key = time, offsets[index], keys[index]
                if key_of is None:
                    self._handle(keys[index], record, on_record)
                elif (name := key_of(record)) is not None:
                    self._handle(_raw(name), record, on_record)
                else:
                    self._key = b""
                    self.table.process.on_shared(record, self)
                if self._said:
                    self._pass_on()
        except Exception as error:  # a user's function may raise anything
            self._said.clear()
            raise RecordError(index, error) from error
        finally:
            if late:
                metrics.late.labels(self.table.name, str(self.partition)).inc(late)

    def _handle(self, key: bytes, record: Any, on_record: Callable[..., Any | None]) -> None:
        entry = self._entries.get(key)
        self._key = key
        if entry is None:
            self._wake = None
            state, last = on_record(None, record, self), self.time
        else:
            self._wake = entry.wake
            state, last = on_record(entry.state, record, self), entry.last
            last = max(last, self.time)
        self._keep(key, entry, state, last)

    def _keep(self, key: bytes, entry: _Entry | None, state: Any | None, last: int) -> None:
        if state is None:
            if entry is not None:
                del self._entries[key]
                self._changed[key] = entry
            return
        if entry is None:
            before = self._changed.get(key)
            written = before is not None and before.written
            entry = self._entries[key] = _Entry(state, self._wake, last, written=written)
        else:
            entry.state, entry.wake, entry.last = state, self._wake, last
        self._changed[key] = entry
        self._await(key, entry)

    # -- moments

    def _due(self, entry: _Entry) -> int:
        return entry.last + self._retention if entry.wake is None else entry.wake

    def _await(self, key: bytes, entry: _Entry) -> None:
        """Have the entry in the heap at its moment or before: mostly it only moves on."""
        due = self._due(entry)
        if entry.noted < 0 or due < entry.noted:
            entry.noted = due
            heappush(self._moments, (due, key))

    def _pass_moments(self, until: int, offset: int) -> None:
        """Let come what is due by `until` (ms)."""
        moments = self._moments
        while moments and moments[0][0] <= until:
            noted, key = heappop(moments)
            entry = self._entries.get(key)
            if entry is None or entry.noted != noted:
                continue
            entry.noted = -1
            if self._due(entry) > noted:
                self._await(key, entry)
            elif entry.wake is None:
                self._keep(key, entry, None, entry.last)
            else:
                self._pass_moment(key, entry, offset)

    def _pass_moment(self, key: bytes, entry: _Entry, offset: int) -> None:
        self.time, self._offset, self.late = entry.wake or 0, offset, False
        self._key = self._record_key = key
        self._wake = None
        entry.wake = None
        # Noted before: where the function raises, the row and the heap still know of the key.
        self._changed[key] = entry
        self._await(key, entry)
        state = self.table.process.on_time(entry.state, self)
        self._keep(key, entry, state, entry.last)
        self._pass_on()

    # -- checkpoints

    def _take_rows(self) -> list[Row]:
        rows: list[Row] = []
        version, entries = self.table.version, self._entries
        for key, changed in self._changed.items():
            entry = entries.get(key)
            if entry is not None:
                encoded = encode_row(version, entry.wake, entry.last, entry.state)
                rows.append((row_key(key, OPEN), encoded))
                entry.written = True
            elif changed.written:
                rows.append((row_key(key, OPEN), None))
        self._changed.clear()
        for name in self._changed_shared:
            row = row_key(name.encode(), SHARED)
            value = self._shared.get(name)
            rows.append((row, None if value is None else encode_row(version, value)))
        self._changed_shared.clear()
        return rows

    # -- queries

    def state_of(self, key: bytes) -> Any | None:
        """Give the state of a key; None for an unknown one."""
        entry = self._entries.get(key)
        return None if entry is None else entry.state

    def rows_of(self, key: bytes) -> list[Any]:
        """Give the state of a key, if there is one."""
        state = self.state_of(key)
        return [] if state is None else [state]

    def all_keys(self) -> set[bytes]:
        """Give the keys that have a state."""
        return set(self._entries)


def _raw(key: str) -> bytes:
    raw = key.encode()
    if len(raw) > MAX_KEY:
        raise ValueError(f"the key has {len(raw)} bytes, more than {MAX_KEY}")
    return raw
