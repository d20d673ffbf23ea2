"""A batch: what was fetched from one partition at once, decoded once for all its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from app.native import Extension
from app.records import EARLIEST, DeadLetter
from app.state.decoded import Decoded, RawRecord
from app.state.rows import MAX_KEY
from app.state.trades import TradesReader, reads
from app.topics import Timestamp, Topic

if TYPE_CHECKING:
    from app.state.clock import Clock
    from app.state.task import Task


#: What a value can be refused with; TypeError is a missing one, RecursionError a bottomless one.
UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, RecursionError)

#: Records, keys, event times (ms) and offsets, of one length.
_Columns = tuple[list[Any], list[bytes], list[int], list[int]]

#: A dead letter keeps at most this much of a value, or it would not fit into a topic either.
MAX_DEAD_VALUE = 256 << 10

#: And so many characters of the key and of the error.
MAX_DEAD_TEXT = 1_000


class Batch:
    """Records of one partition in order of their offsets, and the task they are for.

    `begin` is the position it continues from: its first record's offset, or an earlier one where
    offsets are taken by what is no record. That of the first record if None.
    """

    __slots__ = ("__dict__", "begin", "raw", "task")

    def __init__(self, task: Task, raw: Sequence[RawRecord], begin: int | None = None) -> None:
        self.task = task
        self.raw = raw
        self.begin = raw[0].offset if begin is None else begin

    @property
    def end(self) -> int:
        """The position after it."""
        return self.raw[-1].offset + 1

    def __len__(self) -> int:
        return len(self.raw)

    def __str__(self) -> str:
        return f"offsets {self.begin} to {self.end - 1} of {self.task.name}"

    @cached_property
    def decoded(self) -> Decoded:
        """The batch's records, read and checked; the work is done once."""
        return self.task.decoder.decode(self.raw)


class Decoder:
    """Reads the JSON records of a topic and checks what every table relies on.

    A record is readable when its value fits the topic's record type, its key is the record's own
    key field (of a keyed topic), and its event time is neither seconds for milliseconds nor more
    than `max_ahead` ms past Kafka's timestamp: one wrong clock must not close everybody's windows.
    """

    def __init__(
        self,
        topic: Topic,
        partition: int,
        max_ahead: int,
        clock: Clock,
        native: Extension | None = None,
    ) -> None:
        self._topic = topic
        self._partition = partition
        self._max_ahead = max_ahead
        self._clock = clock
        self._key_of = attrgetter(topic.key)
        #: Of the records, or of the raw records; None for processing time.
        self._time_of = _time_of(topic.time)
        self._from_record = isinstance(topic.time, str)
        self._decode: Callable[[Any], Any] = (
            _of_values(topic.read) if topic.read else msgspec.json.Decoder(topic.value).decode
        )
        self._names = _Names()
        self._native = native if topic.keyed and self._from_record else None
        self._trades: TradesReader | None = None
        if native is not None and reads(topic):
            self._trades = TradesReader(native, self._decode, max_ahead)

    def decode(self, raw: Sequence[RawRecord]) -> Decoded:
        """Give the records of `raw`, which is not empty; never raises for what is in them."""
        if self._trades is not None and (trades := self._trades.read(raw)) is not None:
            return trades
        decoded = Decoded(raw[-1].offset + 1)
        columns = self._read_all(raw) if self._native is None else self._read_natively(raw)
        if columns is None:
            self._decode_each(raw, decoded)
        else:
            decoded.records, decoded.keys, decoded.times, decoded.offsets = columns
        return decoded

    def _read_natively(self, raw: Sequence[RawRecord]) -> _Columns | None:
        """Do what `_read_all` does, by the extension (native/tickstream_native/records.pyx)."""
        native: Any = self._native
        fields = self._topic.key, self._topic.time
        try:
            found: _Columns | None = native.records.read(
                raw, self._decode, *fields, EARLIEST, self._max_ahead, MAX_KEY
            )
        except (*UNREADABLE, AttributeError):
            return None
        return found

    def _read_all(self, raw: Sequence[RawRecord]) -> _Columns | None:
        """Give records, keys, times, offsets; None where one of them is not right."""
        records = self._decode_all(raw)
        keys: list[Any] = [record.key for record in raw]
        if not self._topic.keyed:
            keys = [key or b"" for key in keys]
        times = None if records is None else self._times(raw, records)
        if records is None or times is None or not self._check_all(raw, keys, records, times):
            return None
        return records, keys, times, [record.offset for record in raw]

    def _times(self, raw: Sequence[RawRecord], records: list[Any]) -> list[int]:
        if self._time_of is None:
            return [self._clock.time()] * len(raw)
        return list(map(self._time_of, records if self._from_record else raw))

    def _decode_all(self, raw: Sequence[RawRecord]) -> list[Any] | None:
        # One by one: msgspec reads many lines in one call 15 % faster, but a value of two objects
        # beside one of none would then pass for two records.
        decode = self._decode
        try:
            return [decode(record.value) for record in raw]
        except UNREADABLE:
            return None

    def _check_all(
        self,
        raw: Sequence[RawRecord],
        keys: Sequence[bytes | None],
        records: list[Any],
        times: list[int],
    ) -> bool:
        try:
            keyed = not self._topic.keyed or list(
                map(self._names.__getitem__, keys)  # type: ignore[arg-type]
            ) == list(map(self._key_of, records))
        except (ValueError, AttributeError, TypeError):
            return False
        if not keyed or min(times) < EARLIEST:
            return False
        if self._from_record:
            # The newest event against the oldest timestamp: true for nearly every batch. Where it
            # is not, records are looked at one by one.
            oldest = min([record.timestamp for record in raw])
            return max(times) <= oldest + self._max_ahead
        return True

    def _decode_each(self, raw: Sequence[RawRecord], decoded: Decoded) -> None:
        for record in raw:
            try:
                value, time = self._decode_one(record)
            except UNREADABLE as error:
                decoded.bad.append(self.dead_letter(record, error, "decode"))
                continue
            decoded.records.append(value)
            decoded.keys.append(record.key or b"")
            decoded.times.append(time)
            decoded.offsets.append(record.offset)

    def _decode_one(self, record: RawRecord) -> tuple[Any, int]:
        value = self._tombstone(record) if record.value is None else self._decode(record.value)
        if self._topic.keyed:
            self._check_key(record, value)
        (time,) = self._times([record], [value])
        if time < EARLIEST:
            raise ValueError(
                f"the time {time} is before 1973: milliseconds since the epoch are expected, "
                "seconds perhaps given"
            )
        ahead = time - record.timestamp
        if self._from_record and ahead > self._max_ahead:
            raise ValueError(f"the time is {ahead} ms ahead of the record's Kafka timestamp")
        return value, time

    def _tombstone(self, record: RawRecord) -> Any:
        make = self._topic.tombstone
        if make is None:
            raise ValueError("the record has no value")
        if record.key is None:
            raise ValueError("the record has neither key nor value")
        return make(self._names[record.key], record.timestamp)

    def _check_key(self, record: RawRecord, value: Any) -> None:
        if record.key is None:
            raise ValueError("the record has no key")
        name = self._key_of(value)
        if self._names[record.key] != name:
            raise ValueError(
                f"the key {record.key!r} is not the record's {self._topic.key} {name!r}"
            )

    def dead_letter(self, record: RawRecord, error: Exception, stage: str) -> DeadLetter:
        """Describe a record that could not be read or processed, and why."""
        value, note = record.value, ""
        if value is not None and len(value) > MAX_DEAD_VALUE:
            note = f" (the first {MAX_DEAD_VALUE} of {len(value)} bytes)"
            value = value[:MAX_DEAD_VALUE]
        return DeadLetter(
            topic=self._topic.name,
            partition=self._partition,
            offset=record.offset,
            key=None if record.key is None else record.key[:MAX_DEAD_TEXT].decode(errors="replace"),
            value=value,
            error=f"{type(error).__name__}: {error}"[:MAX_DEAD_TEXT] + note,
            stage=stage,
            time=self._clock.time(),
        )


def _of_values(read: Callable[[bytes], Any]) -> Callable[[bytes | None], Any]:
    """Give a reader that refuses what has no value: `read` is of values."""

    def decode(value: bytes | None) -> Any:
        if value is None:
            raise ValueError("the record has no value")
        return read(value)

    return decode


def _time_of(time: str | Timestamp) -> Callable[[Any], int] | None:
    if isinstance(time, str):
        return attrgetter(time)
    return None if time is Timestamp.PROCESSING else attrgetter("timestamp")


class _Names(dict[bytes, str]):
    """Text of each key seen: decoding a key once is cheaper than encoding each record's."""

    #: Keys remembered at most; then it starts anew.
    LIMIT = 1_000_000

    def __missing__(self, key: bytes) -> str:
        if len(self) >= self.LIMIT:
            self.clear()
        if len(key) > MAX_KEY:
            raise ValueError(f"the key has {len(key)} bytes, more than {MAX_KEY}")
        name = self[key] = key.decode()
        return name
