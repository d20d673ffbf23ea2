"""Outputs of one partition of a table: records that its next checkpoint writes to topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from eventfold.engine import metrics
from eventfold.engine.errors import TooLargeError
from eventfold.engine.key_places import MOST_SHOWN
from eventfold.engine.owner import Table
from eventfold.engine.placing import partition_of
from eventfold.engine.uncommitted import Outgoing
from eventfold.records import DeadLetter
from eventfold.records.candles import candle
from eventfold.topics import DEAD_LETTERS, BoundTopic

#: A record to write: key, value (None: a tombstone), headers.
Out = tuple[bytes, bytes | None, list[tuple[str, bytes]]]

#: No headers. Shared by all records, because aiokafka only reads the list.
NO_HEADERS: list[tuple[str, bytes]] = []

#: JSON encoder of records.
encode_record = msgspec.json.Encoder().encode


class Outputs:
    """Results, appended records and dead letters of a partition, by topic and partition."""

    def __init__(self, table: Table, partition: int) -> None:
        self._table = table
        self._partition = partition
        self._clock = table.runtime.clock
        #: Prefix of the header `source`.
        self.origin = f"{table.source.name}-{partition}-"
        native = table.runtime.native
        #: Kafka's default partitioner.
        self.partition_of = partition_of if native is None else native.placing.partition_of
        #: Maximum size of key and value of a record or row (bytes).
        self.largest = table.runtime.conf.max_record_bytes
        #: Records of the next checkpoint by (topic, partition), in the order they were made.
        self.records: dict[tuple[str, int], list[Out]] = defaultdict(list)
        self._dead_letters = DEAD_LETTERS.of(table.runtime.conf)
        self.outgoing = Outgoing()
        #: What is being published, for error messages; formatted only if something raises.
        self.publishing: object = None
        self._shared_places: list[tuple[Callable[[Any], Any], tuple[str, int]]] | None = None
        #: Whether an output topic is partitioned as the source, by topic name.
        self._following: dict[str, bool] = {}

    @property
    def size(self) -> int:
        """Memory of the records (bytes, estimated)."""
        return self.outgoing.measure(self.records)

    def take(self) -> dict[tuple[str, int], list[Out]]:
        """Return the records since the last call."""
        records, self.records = self.records, defaultdict(list)
        self.outgoing = Outgoing()
        return dict(records)

    def publish(self, result: Any, key: str, offset: int) -> bool:
        """Publish a result to each topic of the table; return whether any record was written.

        `offset` is that of a source record, for a dead letter.
        """
        self.publishing = result
        written = False
        raw = key.encode()
        # Catching up spends most of its time here, result by result; most results of candles are
        # published in C instead (native/tickstream_native/windows.pyx).
        for topic, make in self._table.publications:
            record = make(result)
            if record is not None:
                written |= self._write(topic, raw, record, NO_HEADERS, offset)
        return written

    def places(self, key: bytes) -> list[tuple[Callable[[Any], Any], tuple[str, int]]]:
        """Return a record maker with (topic, partition) for each output of the results of a key."""
        if self._shared_places is not None:
            return self._shared_places
        places = [
            (self._checked(topic, make), (topic.name, self._partition_in(topic, key)))
            for topic, make in self._table.publications
        ]
        if all(self._follows_source(topic) for topic, _ in self._table.publications):
            # All outputs go to the partition of the source record, whatever the key.
            self._shared_places = places
        return places

    def _checked(self, topic: BoundTopic, make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Wrap `make` to return encoded JSON, or None where there is no record to write.

        A record that can't be written becomes a dead letter. A candle is not wrapped: the longest
        key fits into the smallest `max_record_bytes` that is allowed.
        """
        if make is candle:
            return make

        def made(result: Any) -> msgspec.Raw | None:
            record = make(result)
            if record is None:
                return None
            value = self._encoded(topic, result.key.encode(), record, result.last_offset)
            return None if value is None else msgspec.Raw(value)

        return made

    def append(self, topic: BoundTopic, key: str, record: Any, source_offset: int) -> None:
        """Write a record of a log with the next checkpoint, with the header `source`.

        Co-partitioned topics get it in this partition, unless tables of another source write them
        too. Other topics get it in the partition of its key by Kafka's default partitioner
        (murmur2).
        """
        raw = key.encode()
        source = f"{self.origin}{source_offset}".encode()
        self._write(topic, raw, record, [("source", source)], source_offset)

    def _write(
        self,
        topic: BoundTopic,
        key: bytes,
        record: Any,
        headers: list[tuple[str, bytes]],
        offset: int,
    ) -> bool:
        """Write a record with the next checkpoint; return whether it can be written."""
        value = self._encoded(topic, key, record, offset)
        if value is None:
            return False
        self.records[topic.name, self._partition_in(topic, key)].append((key, value, headers))
        return True

    def _encoded(self, topic: BoundTopic, key: bytes, record: Any, offset: int) -> bytes | None:
        """Return a record as JSON; None if it can't be written.

        It becomes a dead letter then, with the offset of its source record, and no worker stops.
        """
        value = None
        try:
            value = encode_record(record)
            self.check_size(topic.name, key, value)
        except (TooLargeError, OverflowError, RecursionError) as error:
            self.dead(self.letter(key, value, error, offset))
            return None
        return value

    def check_size(self, topic: str, key: bytes, value: bytes) -> None:
        """Raise TooLargeError for a record larger than the setting `max_record_bytes`."""
        size = len(key) + len(value)
        if size > self.largest:
            what = f"a record for {topic} ({key[:MOST_SHOWN]!r})"
            raise TooLargeError(what, size, self.largest, self._table.runtime.conf)

    def letter(self, key: bytes, value: bytes | None, error: Exception, offset: int) -> DeadLetter:
        """Build the dead letter of an output record that can't be written."""
        most = self.largest // 4
        return DeadLetter(
            topic=self._table.source.name,
            partition=self._partition,
            offset=offset,
            key=key[:MOST_SHOWN].decode(errors="replace"),
            value=None if value is None else value[:most],
            error=f"{type(error).__name__}: {error}",
            stage=self._table.name,
            time=self._clock.time(),
        )

    def _partition_in(self, topic: BoundTopic, key: bytes) -> int:
        if self._follows_source(topic):
            return self._partition
        return self.partition_of(key, topic.partition_count())

    def _follows_source(self, topic: BoundTopic) -> bool:
        """Return whether a record of `topic` stays in the partition of its source record."""
        follows = self._following.get(topic.name)
        if follows is None:
            follows = self._following[topic.name] = self._table.co_partitions(topic)
        return follows

    def dead(self, letter: DeadLetter) -> None:
        """Write a dead letter with the next checkpoint, and count it."""
        metrics.dead_letters.labels(self._table.source.name, letter.stage).inc()
        self.append(self._dead_letters, letter.topic, letter, letter.offset)
