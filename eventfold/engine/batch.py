"""Batches: the records of one fetch from one partition, decoded once for all its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from eventfold.engine.decoded import Decoded, RawRecord
from eventfold.engine.integers import bounded
from eventfold.engine.rows import MAX_KEY
from eventfold.engine.trades import TradesReader, reads
from eventfold.native import Extension
from eventfold.recent import Recent
from eventfold.records import EARLIEST, LATEST, DeadLetter
from eventfold.records.reading import reader
from eventfold.settings import MAX_RECORD
from eventfold.topics import BoundTopic, Timestamp
from eventfold.windows.panes import BEFORE_ALL

if TYPE_CHECKING:
    from eventfold.engine.clock import Clock


#: Columns of equal length: records, keys, event times (ms), offsets.
_Columns = tuple[list[Any], list[bytes], list[int], list[int]]

#: Most bytes of a value kept in a dead letter; half of the largest record is the other limit.
#: Base64 adds a third, so with its other fields the dead letter still fits into a topic.
MAX_DEAD_VALUE = 256 << 10

#: Most bytes of the key, and characters of the error, kept in a dead letter.
MAX_DEAD_TEXT = 1_000

#: Limit (ms) that allows every event time, since none can be that far ahead.
ANY = 1 << 62


class _Receiver(Protocol):
    """Task that a batch is for, as far as its decoding and folding need it."""

    source: str
    partition: int
    #: Fields added to log lines about the task.
    facts: dict[str, Any]
    decoder: Decoder

    @property
    def name(self) -> str: ...
    def holds(self, state: Any) -> bool: ...
    def measure(self) -> None: ...
    def fail(self, error: Exception) -> None: ...


class Batch:
    """Records of one partition in offset order, and the task they are for.

    `begin` is the position that the batch continues from: the offset of its first record if None,
    or an earlier one where the offsets between hold no record (such as a transaction marker).
    """

    __slots__ = ("__dict__", "begin", "raw", "task")

    def __init__(self, task: _Receiver, raw: Sequence[RawRecord], begin: int | None = None) -> None:
        self.task = task
        self.raw = raw
        self.begin = raw[0].offset if begin is None else begin

    @property
    def end(self) -> int:
        """Position after the batch: one past its last offset."""
        return self.raw[-1].offset + 1

    def __len__(self) -> int:
        return len(self.raw)

    def __str__(self) -> str:
        return f"offsets {self.begin} to {self.end - 1} of {self.task.name}"

    @cached_property
    def decoded(self) -> Decoded:
        """Records of the batch, decoded and checked once."""
        return self.task.decoder.decode(self.raw)


class Decoder:
    """Decoder of a topic's records, with the checks that every table relies on.

    Records are JSON unless the topic has a `read` of its own. A record is valid when its value fits
    the topic's record type, its key equals its key field (of a keyed topic), and its event time is
    neither in seconds nor in microseconds, nor more than `max_ahead` ms past Kafka's timestamp: one
    wrong clock must not close everybody's windows. A record without a Kafka timestamp (some
    producers write 0 or -1) is not compared. `max_ahead` None compares none: it is for topics that
    the application writes itself, with event times of records that were compared already.
    """

    def __init__(
        self,
        topic: BoundTopic,
        partition: int,
        max_ahead: int | None,
        clock: Clock,
        native: Extension | None = None,
        *,
        max_record: int = MAX_RECORD,
    ) -> None:
        self._topic = topic
        self._most_kept = min(MAX_DEAD_VALUE, max_record // 2)
        self._partition = partition
        self._max_ahead = ANY if max_ahead is None else max_ahead
        self._clock = clock
        self._key_of = attrgetter(topic.key)
        #: Function that returns the event time (ms) of a record, or of a raw record if the topic's
        #: event time is Kafka's timestamp. None for processing time.
        self._time_of = _time_of(topic.time)
        #: Last processing time used (ms): the clock of a previous owner may have been ahead.
        self._processed = BEFORE_ALL
        self._from_record = isinstance(topic.time, str)
        #: `_decode` reads whole batches in the form that most records have. Where it fails, `_read`
        #: reads the records one by one, in every form.
        self._decode: Callable[[Any], Any]
        self._read: Callable[[Any], Any]
        if topic.read:
            self._decode = self._read = _of_values(topic.read)
        else:
            # Any exception is caught: the records are then read again one by one.
            decode = msgspec.json.Decoder(topic.value).decode  # noqa: TID251
            self._decode = bounded(topic.value, decode)
            self._read = bounded(topic.value, reader(topic.value))
        self._native = native if topic.keyed and self._from_record else None
        self._trades: TradesReader | None = None
        if native is not None and reads(topic):
            self._trades = TradesReader(native, self._read, self._max_ahead)

    def start(self, stream_time: int) -> None:
        """Start at the stream time (ms) that the partition has reached."""
        self._processed = stream_time

    def decode(self, raw: Sequence[RawRecord]) -> Decoded:
        """Decode the records of `raw`, which is not empty; invalid ones become dead letters."""
        if self._trades is not None and (trades := self._trades.read(raw)) is not None:
            return trades
        decoded = Decoded(raw[-1].offset + 1)
        decoded.raw = raw
        columns = self._read_all(raw) if self._native is None else self._read_natively(raw)
        if columns is None:
            self._decode_each(raw, decoded)
        else:
            decoded.records, decoded.keys, decoded.times, decoded.offsets = columns
        return decoded

    def _read_natively(self, raw: Sequence[RawRecord]) -> _Columns | None:
        """Do what `_read_all` does, in the extension (native/tickstream_native/records.pyx)."""
        native: Any = self._native
        fields = self._topic.key, self._topic.time
        try:
            found: _Columns | None = native.records.read(
                raw, self._decode, *fields, EARLIEST, LATEST, self._max_ahead, MAX_KEY
            )
        except Exception:  # noqa: BLE001  # they are read one by one, to see which it is
            return None
        return found

    def _read_all(self, raw: Sequence[RawRecord]) -> _Columns | None:
        """Return records, keys, times and offsets, or None if any record is invalid."""
        records = self._decode_all(raw)
        if records is None:
            return None
        keys: list[Any] | None = [record.key for record in raw]
        if not self._topic.keyed:
            keys = self._own_keys(records)
        times = self._times(raw, records)
        if keys is None or not self._check_all(raw, keys, records, times):
            return None
        return records, keys, times, [record.offset for record in raw]

    def _times(self, raw: Sequence[RawRecord], records: list[Any]) -> list[int]:
        if self._time_of is None:
            # Processing time never goes back: else records of the slower clock would be late.
            self._processed = max(self._processed, self._clock.time())
            return [self._processed] * len(raw)
        return list(map(self._time_of, records if self._from_record else raw))

    def _decode_all(self, raw: Sequence[RawRecord]) -> list[Any] | None:
        # One call for each: msgspec reads many lines in one call 15 % faster, but then a value of
        # two objects next to an empty one would pass for two records.
        decode = self._decode
        try:
            return [decode(record.value) for record in raw]
        except Exception:  # noqa: BLE001  # they are read one by one, to see which it is
            return None

    def _own_keys(self, records: list[Any]) -> list[bytes] | None:
        try:
            return list(map(self._own_key, records))
        except (ValueError, AttributeError):
            return None

    def _own_key(self, record: Any) -> bytes:
        """Return the key field of a record, as the key in a topic that is not keyed.

        Raises ValueError if it is longer than a key may be.
        """
        key = str(self._key_of(record)).encode()
        if len(key) > MAX_KEY:
            raise ValueError(
                f"its {self._topic.key} has {len(key)} bytes, more than the {MAX_KEY} of a key"
            )
        return key

    def _check_all(
        self,
        raw: Sequence[RawRecord],
        keys: Sequence[bytes | None],
        records: list[Any],
        times: list[int],
    ) -> bool:
        try:
            keyed = not self._topic.keyed or list(
                map(_names.__getitem__, keys)  # type: ignore[arg-type]
            ) == list(map(self._key_of, records))
        except (ValueError, AttributeError, TypeError):
            return False
        if not keyed or min(times) < EARLIEST or max(times) > LATEST:
            return False
        if self._from_record:
            # Compare the newest event with the oldest timestamp: nearly every batch passes. One
            # that does not is checked record by record.
            oldest = min([record.timestamp or 0 for record in raw])
            return oldest > 0 and max(times) <= oldest + self._max_ahead
        return True

    def _decode_each(self, raw: Sequence[RawRecord], decoded: Decoded) -> None:
        for record in raw:
            try:
                value, key, time = self._decode_one(record)
            except Exception as error:  # noqa: BLE001  # a reader may raise anything
                decoded.bad.append(self.dead_letter(record, error, "decode"))
                continue
            decoded.records.append(value)
            decoded.keys.append(key)
            decoded.times.append(time)
            decoded.offsets.append(record.offset)

    def _decode_one(self, record: RawRecord) -> tuple[Any, bytes, int]:
        value = self._tombstone(record) if record.value is None else self._read(record.value)
        key = self._checked_key(record, value) if self._topic.keyed else self._own_key(value)
        (time,) = self._times([record], [value])
        if time < EARLIEST:
            raise ValueError(
                f"the time {time} is before 1973: milliseconds since the epoch are expected, "
                "seconds perhaps given"
            )
        self._check_ahead(time, _timestamp(record))
        return value, key, time

    def _check_ahead(self, time: int, stamp: int) -> None:
        ahead = time - stamp
        if self._from_record and stamp > 0 and ahead > self._max_ahead:
            raise ValueError(f"the time is {ahead} ms ahead of the record's Kafka timestamp")
        # One record with such a time would close all windows for ever.
        if time > LATEST:
            raise ValueError(
                f"the time {time} is after 5138: milliseconds since the epoch are expected, "
                "microseconds perhaps given"
            )

    def _tombstone(self, record: RawRecord) -> Any:
        make = self._topic.tombstone
        if make is None:
            raise ValueError("the record has no value")
        if record.key is None:
            raise ValueError("the record has neither key nor value")
        stamp = _timestamp(record)
        if stamp <= 0:
            raise ValueError(
                "the record has no value, and no Kafka timestamp to take its time from"
            )
        return make(_names[record.key], stamp)

    def _checked_key(self, record: RawRecord, value: Any) -> bytes:
        if record.key is None:
            raise ValueError("the record has no key")
        name = self._key_of(value)
        if _names[record.key] != name:
            raise ValueError(
                f"the key {record.key!r} is not the record's {self._topic.key} {name!r}"
            )
        return record.key

    def dead_letter(self, record: RawRecord, error: Exception, stage: str) -> DeadLetter:
        """Return the dead letter of a record that raised `error` when read or processed."""
        value, note = record.value, ""
        if value is not None and len(value) > self._most_kept:
            note = f" (the first {self._most_kept} of {len(value)} bytes)"
            value = value[: self._most_kept]
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
    """Return `read`, made to raise ValueError for a record without a value."""

    def decode(value: bytes | None) -> Any:
        if value is None:
            raise ValueError("the record has no value")
        return read(value)

    return decode


def _time_of(time: str | Timestamp) -> Callable[[Any], int] | None:
    if isinstance(time, str):
        return attrgetter(time)
    return None if time is Timestamp.PROCESSING else _timestamp


def _timestamp(record: RawRecord) -> int:
    """Return a record's Kafka timestamp (ms); 0 or -1 if its producer set none."""
    # Kafka's oldest message format has no timestamp: aiokafka returns None.
    return record.timestamp or 0


def _name(key: bytes) -> str:
    """Return a key as text. Raises ValueError if it is too long or not UTF-8."""
    if len(key) > MAX_KEY:
        raise ValueError(f"the key has {len(key)} bytes, more than {MAX_KEY}")
    return key.decode()


#: Cache of keys as text: decoding a key once is cheaper than encoding each record's key field.
_names: Recent[bytes, str] = Recent(_name)
