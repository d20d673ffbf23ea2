"""One partition of a table of keys: their states in memory, and the moments that are awaited."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

import msgspec

from eventfold.engine import metrics
from eventfold.engine.batch import MAX_DEAD_TEXT
from eventfold.engine.errors import TooLargeError
from eventfold.engine.key_places import MOST_SHOWN
from eventfold.engine.partition import RecordError, Row
from eventfold.engine.rows import (
    LATE,
    MAX_KEY,
    META,
    OPEN,
    RowDecoder,
    encode_row,
    row_key,
    split_row_key,
)
from eventfold.engine.sending import SendingState
from eventfold.records import DeadLetter
from eventfold.windows import watermark
from eventfold.windows.panes import BEFORE_ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventfold.engine.decoded import Decoded
    from eventfold.engine.keyed_table import KeyedTable
    from eventfold.engine.store import Store

#: Where rows of what all keys share stand, which have a name instead of a key.
SHARED = LATE

#: Entries of the heap that may be void, beside as many as there are keys.
FEW = 1_000

#: A record adds at most so many times its bytes to a state: numbers take 9 bytes in a row.
GROWTH = 8

#: One part of so many of a row's bytes is left for what timers make of a state.
FOR_TIMERS = 16

#: A row of one part of so many is not measured after a timer: none makes more of it than that.
SMALL = 4

#: Beyond all rows.
_END = b"\xff" * 3


class _Entry(msgspec.Struct, gc=False, eq=False):
    """What is known of a key. Times in ms."""

    state: Any
    #: The moment that is awaited, None for none.
    wake: int | None
    #: Event time of its newest record, stream time at the arrival of reference data; -1 for
    #: reference data that came before stream time began.
    last: int
    #: The moment for which it stands in the heap.
    noted: int = BEFORE_ALL
    #: Whether it has a row.
    written: bool = False
    #: So many bytes of records may come before its row has to be measured.
    room: int = 0


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
        #: What was shared before the function under way changed it, should that raise.
        self._shared_before: dict[str, Any | None] = {}
        #: What is due, by time and key; of an entry that has moved on since, the old one is void.
        self._moments: list[tuple[int, bytes]] = []
        self._changed: dict[bytes, _Entry] = {}
        self._changed_shared: set[str] = set()
        self._decode = RowDecoder(table.name, table.version, [int | None, int, table.state_type])
        self._decode_shared = RowDecoder(table.name, table.version, [table.shared_type])
        # Of what is handled.
        self.time = BEFORE_ALL
        self._offset = BEFORE_ALL
        self._key = b""
        self._wake: int | None = None
        self.late = False
        #: Whether the state is restored where its function raises.
        self._restores = False

    # -- the context

    @property
    def offset(self) -> int:
        """Offset of the record, or of that which let a moment come."""
        return self._offset

    @property
    def key(self) -> str:
        """The key; empty where a record concerns all of them."""
        return self._key.decode()

    @property
    def shared(self) -> Mapping[str, Any]:
        """What all keys share."""
        return self._shared

    def share(self, name: str, value: Any | None) -> None:
        """Share a value between all keys; None takes it away.

        Raises ValueError for a name too long to be one: the row of the value has it for its key.
        """
        _raw(name)
        self._shared_before.setdefault(name, self._shared.get(name))
        self._set_shared(name, value)

    def _set_shared(self, name: str, value: Any | None) -> None:
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
            entry.room = self._room_beside(len(value))
            self._await(key, entry)

    # -- folding

    def _fold(self, decoded: Decoded, begin: int) -> None:
        # The hot loop: everything it touches is a local.
        meta, grace, key_of = self.meta, self.table.grace, self.table.key
        timeless = self.table.timeless
        keys, times, offsets, records = (
            decoded.keys,
            decoded.times,
            decoded.offsets,
            decoded.records,
        )
        sizes = decoded.sizes
        # What timers have fired by stays behind, whatever the grace was then.
        limit = watermark(meta.stream_time, grace, meta.finalised)
        late = 0
        index = begin
        try:
            for index in range(begin, len(offsets)):
                time, record = times[index], records[index]
                came = time
                if timeless and isinstance(record, timeless):
                    self.late = False
                    # It holds from now on: its retention begins at its arrival.
                    came = meta.stream_time
                elif time > meta.stream_time:
                    meta.stream_time = time
                    limit = max(limit, time - grace)
                    if self._moments and self._moments[0][0] <= limit:
                        self._pass_moments(limit, offsets[index])
                    self.late = False
                else:
                    self.late = time < limit
                    late += self.late
                self.time, self._offset = time, offsets[index]
                if key_of is None:
                    self._handle(keys[index], record, came, sizes[index])
                elif (name := key_of(record)) is not None:
                    self._handle(_raw(name), record, came, sizes[index])
                else:
                    self._key = b""
                    self.table.process.on_shared(record, self)
                if self._said or self._shared_before:
                    self._pass_on()
        except Exception as error:  # a user's function may raise anything
            self._take_back()
            raise RecordError(index, error) from error
        finally:
            meta.finalised = limit
            if late:
                metrics.late.labels(self.table.name, str(self.partition)).inc(late)

    def _handle(self, key: bytes, record: Any, came: int, size: int) -> None:
        entry = self._entries.get(key)
        self._key = key
        if entry is None:
            self.table.saw(key, self.partition)
            self._wake, before, last = None, None, came
            room = self._room_beside(0) - size
        else:
            self._wake, before, last = entry.wake, entry.state, max(entry.last, came)
            room = entry.room - size
        if room < 0:
            state, room = self._handle_measured(key, entry, record, last)
        else:
            state = self.table.process.on_record(before, record, self)
        self._keep(key, entry, state, last, room)

    def _handle_measured(
        self, key: bytes, entry: _Entry | None, record: Any, last: int
    ) -> tuple[Any | None, int]:
        """Return a state after a record, and its room; the record of a state too large is refused.

        Raises what `on_record` does, or TooLargeError; the state is as it was then.
        """
        version, largest = self.table.version, self._largest - self._largest // FOR_TIMERS
        before = None
        if entry is not None:
            before = encode_row(version, entry.wake, entry.last, entry.state)
        self._restores = True
        try:
            state = self.table.process.on_record(entry and entry.state, record, self)
            if state is None:
                return None, 0
            size = len(key) + len(encode_row(version, self._wake, last, state))
            # One that shrinks is taken whatever its size: it is on its way.
            if before is None or size > len(key) + len(before):
                _demand_size(key, size, largest)
        except Exception:
            if entry is not None and before is not None:
                *_, entry.state = self._decode(row_key(key, OPEN), before)
            raise
        finally:
            self._restores = False
        return state, self._room_beside(size)

    def _room_beside(self, size: int) -> int:
        """Return how many bytes of records fit beside a row of a size before it is measured."""
        return max(0, self._largest - self._largest // FOR_TIMERS - size) // GROWTH

    def _cannot_send(self, key: bytes, value: bytes | None, error: Exception) -> None:
        """Refuse what is handled; but where the state can't be restored, only what is sent."""
        if self._restores:
            raise error
        self._dead(self._output_letter(key, value, error, self.offset))

    def _keep(  # in the hot loop
        self, key: bytes, entry: _Entry | None, state: Any | None, last: int, room: int
    ) -> None:
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
        entry.room = room
        self._changed[key] = entry
        self._await(key, entry)

    def _pass_on(self) -> None:
        super()._pass_on()
        self._shared_before.clear()

    def _take_back(self) -> None:
        """Undo what a function sent and shared before it raised."""
        self._said.clear()
        for name, value in self._shared_before.items():
            self._set_shared(name, value)
        self._shared_before.clear()

    # -- moments

    def _due(self, entry: _Entry) -> int:
        return entry.last + self._retention if entry.wake is None else entry.wake

    def _await(self, key: bytes, entry: _Entry) -> None:
        """Have the entry in the heap at its moment or before: mostly it only moves on."""
        due = self._due(entry)
        if entry.noted < 0 or due < entry.noted:
            entry.noted = due
            heappush(self._moments, (due, key))
            if len(self._moments) > FEW + 2 * len(self._entries):
                self._drop_void()

    def _drop_void(self) -> None:
        """Make the heap anew: each entry stands in it once at the most."""
        # In place: whoever fires timers goes on with the same list.
        self._moments[:] = [
            (entry.noted, key) for key, entry in self._entries.items() if entry.noted >= 0
        ]
        heapify(self._moments)

    def _pass_moments(self, until: int, offset: int) -> None:
        """Let come what is due by `until` (ms)."""
        moments = self._moments
        while moments and moments[0][0] <= until:
            noted, key = heappop(moments)
            entry = self._entries.get(key)
            if entry is None or entry.noted != noted:
                continue
            entry.noted = BEFORE_ALL
            if self._due(entry) > noted:
                self._await(key, entry)
            elif entry.wake is not None:
                self._pass_moment(key, entry, entry.wake, offset)
            elif entry.last < 0:
                # Stream time begins now, and with it the retention of what came before.
                self._wake = None
                self._keep(key, entry, entry.state, self.meta.stream_time, entry.room)
            else:
                self._keep(key, entry, None, entry.last, 0)

    def _pass_moment(self, key: bytes, entry: _Entry, at: int, offset: int) -> None:
        """Fire a timer; one that raises is over, and leaves the state as it was."""
        self.time, self._offset, self.late = at, offset, False
        self._key = key
        self._wake = None
        entry.wake = None
        before = encode_row(self.table.version, None, entry.last, entry.state)
        room, self._restores = entry.room, True
        try:
            state = self.table.process.on_time(entry.state, self)
            if len(before) > self._largest // SMALL and state is not None:
                size = len(key) + len(encode_row(self.table.version, None, entry.last, state))
                _demand_size(key, size, self._largest)
        except Exception as error:  # noqa: BLE001  # a user's function may raise anything
            self._take_back()
            self._wake = None
            *_, state = self._decode(row_key(key, OPEN), before)
            self._dead(self._timer_letter(key, at, error))
        finally:
            self._restores = False
        self._keep(key, entry, state, entry.last, room)
        self._pass_on()

    def _timer_letter(self, key: bytes, at: int, error: Exception) -> DeadLetter:
        """Describe a timer that raised: its offset is that of the record that let it fire."""
        return DeadLetter(
            topic=self.table.source.name,
            partition=self.partition,
            offset=self._offset,
            key=key[:MAX_DEAD_TEXT].decode(errors="replace"),
            value=None,
            error=f"the timer of table {self.table.name} for {at} raised "
            f"{type(error).__name__}: {error}"[:MAX_DEAD_TEXT],
            stage="timer",
            time=self.clock.time(),
        )

    # -- checkpoints

    @property
    def changed_rows(self) -> int:
        """How many rows the next snapshot has."""
        return len(self._changed) + len(self._changed_shared)

    def _take_rows(self) -> list[Row]:
        rows: list[Row] = []
        version, entries = self.table.version, self._entries
        for key, changed in self._changed.items():
            entry = entries.get(key)
            if entry is not None:
                encoded = encode_row(version, entry.wake, entry.last, entry.state)
                rows.append((row_key(key, OPEN), encoded))
                entry.written = True
                entry.room = self._room_beside(len(key) + len(encoded))
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

    def each_key(self) -> Iterator[bytes]:
        """Give the keys that have a state: all are in memory."""
        return iter(list(self._entries))


def _demand_size(key: bytes, size: int, most: int) -> None:
    if size > most:
        raise TooLargeError(f"the row of key {key[:MOST_SHOWN]!r}", size, most)


def _raw(key: str) -> bytes:
    raw = key.encode()
    if len(raw) > MAX_KEY:
        raise ValueError(f"the key has {len(raw)} bytes, more than {MAX_KEY}")
    return raw
