"""One partition of a keyed table: the keys' states in memory, and their timers."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from eventfold.engine import metrics
from eventfold.engine.batch import MAX_DEAD_TEXT
from eventfold.engine.errors import TooLargeError
from eventfold.engine.key_places import MOST_SHOWN
from eventfold.engine.owner import Table
from eventfold.engine.partition import PartitionState, RecordError
from eventfold.engine.rows import (
    LATE,
    MAX_KEY,
    META,
    OPEN,
    Row,
    RowDecoder,
    encode_row,
    row_key,
    split_row_key,
)
from eventfold.engine.sending import Collector
from eventfold.records import DeadLetter
from eventfold.windows import watermark
from eventfold.windows.panes import BEFORE_ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventfold.engine.decoded import Decoded
    from eventfold.engine.store import Store
    from eventfold.operators.processor import Process

#: Start of the rows of broadcast state, whose key is the name of a value.
SHARED = LATE

#: Heap items allowed beside two for each key; beyond that, void ones are dropped.
FEW = 1_000

#: A record adds at most this many times its bytes to a state: a number takes 9 bytes in a row.
GROWTH = 8

#: The largest row divided by this is the space reserved for what timers add to a state.
FOR_TIMERS = 16

#: A row up to the largest divided by this is not measured after a timer, which is taken to grow it
#: by no more than this factor.
SMALL = 4

#: Upper bound of all row keys.
_END = b"\xff" * 3


class _Entry(msgspec.Struct, gc=False, eq=False):
    """State, timer and retention of a key. Times in ms."""

    state: Any
    #: Time of the timer, None for none.
    timer: int | None
    #: Event time of the newest record. For reference data, stream time at its arrival: -1 if
    #: stream time had not begun.
    last: int
    #: Due time of its item in the heap; -1 without one.
    noted: int = BEFORE_ALL
    #: Whether it has a row in the changelog.
    written: bool = False
    #: Bytes of records that may arrive before the row has to be measured.
    room: int = 0


class Keyed(Table, Protocol):
    """Keyed table, as far as the states of its partitions need it: see `KeyedTable`."""

    process: Process
    key: Callable[[Any], str | None] | None
    state_type: Any
    shared_type: Any
    grace: int
    retention: int
    reference_data: tuple[type, ...]
    version: int


class KeyedState(PartitionState):
    """States of one partition's keys; it is also the context of the processor's functions.

    Timers fire in order of time and key, before the record that makes them due is handled: results
    follow from the log alone, whatever the batches and the crashes.
    """

    table: Keyed

    def __init__(
        self, table: Keyed, partition: int, store: Store, *, reports_decode_errors: bool
    ) -> None:
        super().__init__(table, partition, store, reports_decode_errors=reports_decode_errors)
        self._collector = Collector(table.routes, self.outputs)
        self._collector.rejects = False
        self.send = self._collector.send
        self._retention = table.retention
        self._entries: dict[bytes, _Entry] = {}
        self._shared: dict[str, Any] = {}
        #: Broadcast values before the running function changed them, restored if it raises.
        self._shared_before: dict[str, Any | None] = {}
        #: Heap of (due time, key); an item is void if its entry's `noted` is another time.
        self._timers: list[tuple[int, bytes]] = []
        self._changed: dict[bytes, _Entry] = {}
        self._changed_shared: set[str] = set()
        self._decode = RowDecoder(table.name, table.version, [int | None, int, table.state_type])
        self._decode_shared = RowDecoder(table.name, table.version, [table.shared_type])
        # Of the record or timer that is handled.
        self.time = BEFORE_ALL
        self._key = b""
        self._timer: int | None = None
        self.late = False

    # -- the context

    @property
    def offset(self) -> int:
        """Offset of the record, or of the record that fired the timer."""
        return self._collector.offset

    @property
    def stream_time(self) -> int:
        """Highest event time so far (ms), including the record that is handled."""
        return self.meta.stream_time

    @property
    def key(self) -> str:
        """Key; empty for a record that concerns all keys."""
        return self._key.decode()

    @property
    def shared(self) -> Mapping[str, Any]:
        """Broadcast state: values by name that all keys of the partition see."""
        return self._shared

    def share(self, name: str, value: Any | None) -> None:
        """Set a value of the broadcast state; None removes it.

        Raises ValueError for a name longer than a key may be: it is the key of the value's row.
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

    def timer(self, at: int | None) -> None:
        """Set the key's timer: it fires when the watermark reaches `at` (ms). None cancels it."""
        self._timer = at

    # -- opening

    def _load(self) -> None:
        for row, value in self.store.scan(b"", _END):
            if row == META:
                continue
            key, place = split_row_key(row)
            if place == SHARED:
                (self._shared[key.decode()],) = self._decode_shared(row, value)
                continue
            timer, last, state = self._decode(row, value)
            entry = self._entries[key] = _Entry(state, timer, last, written=True)
            entry.room = self._room_beside(len(value))
            self._await(key, entry)

    # -- folding

    def _fold(self, decoded: Decoded, begin: int) -> None:
        # Hot loop: everything it touches is a local.
        meta, grace, key_of = self.meta, self.table.grace, self.table.key
        reference_data = self.table.reference_data
        keys, times, offsets, records = (
            decoded.keys,
            decoded.times,
            decoded.offsets,
            decoded.records,
        )
        sizes, collector = decoded.sizes, self._collector
        sent = collector.sent
        # The watermark never goes back behind timers that have fired, whatever the grace was then.
        limit = watermark(meta.stream_time, grace, meta.finalised)
        late = 0
        index = begin
        try:
            for index in range(begin, len(offsets)):
                time, record = times[index], records[index]
                came = time
                if reference_data and isinstance(record, reference_data):
                    self.late = False
                    # Reference data holds from its arrival on: its retention begins there.
                    came = meta.stream_time
                elif time > meta.stream_time:
                    meta.stream_time = time
                    limit = max(limit, time - grace)
                    if self._timers and self._timers[0][0] <= limit:
                        self._fire_timers(limit, offsets[index])
                    self.late = False
                else:
                    self.late = time < limit
                    late += self.late
                self.time, collector.offset = time, offsets[index]
                if key_of is None:
                    self._handle(keys[index], record, came, sizes[index])
                elif (name := key_of(record)) is not None:
                    self._handle(_raw(name), record, came, sizes[index])
                else:
                    self._key = b""
                    self.table.process.on_shared(record, self)
                if sent or self._shared_before:
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
            self._timer, before, last = None, None, came
            room = self._room_beside(0) - size
        else:
            self._timer, before, last = entry.timer, entry.state, max(entry.last, came)
            room = entry.room - size
        if room < 0:
            state, room = self._handle_measured(key, entry, record, last)
        else:
            state = self.table.process.on_record(before, record, self)
        self._keep(key, entry, state, last, room)

    def _handle_measured(
        self, key: bytes, entry: _Entry | None, record: Any, last: int
    ) -> tuple[Any | None, int]:
        """Return a key's state after a record, and its room; reject a state that is too large.

        Raises what `on_record` raises, or TooLargeError; the state is unchanged then.
        """
        version, largest = self.table.version, self.outputs.largest
        largest -= largest // FOR_TIMERS
        before = None
        if entry is not None:
            before = encode_row(version, entry.timer, entry.last, entry.state)
        # A record that can't be written rejects this one: the state can be restored.
        self._collector.rejects = True
        try:
            state = self.table.process.on_record(entry and entry.state, record, self)
            if state is None:
                return None, 0
            size = len(key) + len(encode_row(version, self._timer, last, state))
            # A row that does not grow is accepted at any size: it may be shrinking to the limit.
            if before is None or size > len(key) + len(before):
                self._demand_size(key, size, largest)
        except Exception:
            if entry is not None and before is not None:
                *_, entry.state = self._decode(row_key(key, OPEN), before)
            raise
        finally:
            self._collector.rejects = False
        return state, self._room_beside(size)

    def _room_beside(self, size: int) -> int:
        """Return how many bytes of records may follow a row of `size` before it is measured."""
        return max(0, self.outputs.largest - self.outputs.largest // FOR_TIMERS - size) // GROWTH

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
            entry = self._entries[key] = _Entry(state, self._timer, last, written=written)
        else:
            entry.state, entry.timer, entry.last = state, self._timer, last
        entry.room = room
        self._changed[key] = entry
        self._await(key, entry)

    def _pass_on(self) -> None:
        """Write what was sent for the record that is handled, and keep the broadcast changes."""
        self._collector.write()
        self._shared_before.clear()

    def _take_back(self) -> None:
        """Undo the sends and broadcast changes of a function that raised."""
        self._collector.sent.clear()
        for name, value in self._shared_before.items():
            self._set_shared(name, value)
        self._shared_before.clear()

    # -- timers

    def _due(self, entry: _Entry) -> int:
        return entry.last + self._retention if entry.timer is None else entry.timer

    def _await(self, key: bytes, entry: _Entry) -> None:
        """Put the entry into the heap, unless it is there at its due time or earlier.

        Mostly a due time only advances, and the heap item stays as it is.
        """
        due = self._due(entry)
        if entry.noted < 0 or due < entry.noted:
            entry.noted = due
            heappush(self._timers, (due, key))
            if len(self._timers) > FEW + 2 * len(self._entries):
                self._drop_void()

    def _drop_void(self) -> None:
        """Rebuild the heap with at most one item for each entry."""
        # In place: `_fire_timers` goes on with the same list.
        self._timers[:] = [
            (entry.noted, key) for key, entry in self._entries.items() if entry.noted >= 0
        ]
        heapify(self._timers)

    def _fire_timers(self, until: int, offset: int) -> None:
        """Fire the timers, and expire the keys, that are due by `until` (ms)."""
        timers = self._timers
        while timers and timers[0][0] <= until:
            noted, key = heappop(timers)
            entry = self._entries.get(key)
            if entry is None or entry.noted != noted:
                continue
            entry.noted = BEFORE_ALL
            if self._due(entry) > noted:
                self._await(key, entry)
            elif entry.timer is not None:
                self._fire_timer(key, entry, entry.timer, offset)
            elif entry.last < 0:
                # Stream time begins now, and with it the retention of earlier reference data.
                self._timer = None
                self._keep(key, entry, entry.state, self.meta.stream_time, entry.room)
            else:
                self._keep(key, entry, None, entry.last, 0)

    def _fire_timer(self, key: bytes, entry: _Entry, at: int, offset: int) -> None:
        """Fire a timer; if it raises, write a dead letter and leave the state unchanged."""
        self.time, self._collector.offset, self.late = at, offset, False
        self._key = key
        self._timer = None
        entry.timer = None
        before = encode_row(self.table.version, None, entry.last, entry.state)
        room, self._collector.rejects = entry.room, True
        try:
            state = self.table.process.on_time(entry.state, self)
            if len(before) > self.outputs.largest // SMALL and state is not None:
                size = len(key) + len(encode_row(self.table.version, None, entry.last, state))
                self._demand_size(key, size, self.outputs.largest)
        except Exception as error:  # noqa: BLE001  # a user's function may raise anything
            self._take_back()
            self._timer = None
            *_, state = self._decode(row_key(key, OPEN), before)
            self.outputs.dead(self._timer_letter(key, at, error))
        finally:
            self._collector.rejects = False
        self._keep(key, entry, state, entry.last, room)
        self._pass_on()

    def _timer_letter(self, key: bytes, at: int, error: Exception) -> DeadLetter:
        """Return the dead letter of a timer that raised, at the offset of the record that fired it.

        `at` is the time (ms) that the timer was set to.
        """
        return DeadLetter(
            topic=self.table.source.name,
            partition=self.partition,
            offset=self.offset,
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
        """Number of rows in the next snapshot."""
        return len(self._changed) + len(self._changed_shared)

    def _take_rows(self) -> list[Row]:
        rows: list[Row] = []
        version, entries = self.table.version, self._entries
        for key, changed in self._changed.items():
            entry = entries.get(key)
            if entry is not None:
                encoded = encode_row(version, entry.timer, entry.last, entry.state)
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
        """Return the state of a key; None for an unknown one."""
        entry = self._entries.get(key)
        return None if entry is None else entry.state

    def _demand_size(self, key: bytes, size: int, most: int) -> None:
        if size > most:
            what = f"the row of key {key[:MOST_SHOWN]!r}"
            raise TooLargeError(what, size, most, self.table.runtime.conf)

    def rows_of(self, key: bytes) -> list[Any]:
        """Return a list of the key's state; empty for an unknown key."""
        state = self.state_of(key)
        return [] if state is None else [state]

    def each_key(self) -> Iterator[bytes]:
        """Return the keys that have a state: all are in memory."""
        return iter(list(self._entries))


def _raw(key: str) -> bytes:
    raw = key.encode()
    if len(raw) > MAX_KEY:
        raise ValueError(f"the key has {len(raw)} bytes, more than {MAX_KEY}")
    return raw
