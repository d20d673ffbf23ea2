"""Topics as tests write and read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from eventfold.records.reading import reader
from eventfold.testing.errors import DriverError
from eventfold.topics import AFTER_MAX, DEAD_LETTERS, Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventfold.engine.clock import Clock
    from eventfold.engine.table import StateTable
    from eventfold.harness.kafka import Headers, MemoryKafka, TopicRecord
    from eventfold.settings import Settings
    from eventfold.topics import BoundTopic, Topic

#: Default of Kafka 4 for the most that a timestamp may be ahead of the broker's clock (ms):
#: https://kafka.apache.org/documentation/#topicconfigs_message.timestamp.after.max.ms
MAX_AHEAD = 3_600_000

_partitioner = DefaultPartitioner()


class Topics:
    """Topics that the tables of a driver read and write."""

    def __init__(
        self,
        tables: Sequence[StateTable],
        conf: Settings,
        partitions: int | None,
        clock: Clock,
        kafka: MemoryKafka,
    ) -> None:
        self._conf = conf
        self._clock = clock
        self._kafka = kafka
        sources = {table.source.name: table.source for table in tables}
        self._known = dict(sources)
        for table in tables:
            self._known |= {topic.name: topic for topic in (*table.topics, DEAD_LETTERS.of(conf))}
        #: Partition numbers of each source topic.
        self.numbers = {
            name: _numbers(topic, tables, partitions) for name, topic in sources.items()
        }
        self._read: dict[str, int] = {}

    # -- writing

    def write(
        self,
        topic: Topic,
        records: Sequence[msgspec.Struct],
        partition: int | None,
        timestamp: int | None,
    ) -> list[TopicRecord]:
        """Write records with their own keys; return them as stored. Raises DriverError."""
        bound = topic.of(self._conf)
        self._numbers_of(bound)
        for record in records:
            if not isinstance(record, topic.value):
                raise DriverError(
                    f"{bound.name} holds {_name(topic.value)}, not {record!r}: see pipe_raw"
                )
        return [
            self._append(
                bound,
                str(getattr(record, topic.key)).encode(),
                (topic.write or msgspec.json.encode)(record),
                partition=partition,
                timestamp=timestamp,
            )
            for record in records
        ]

    def write_raw(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: Headers = (),
        partition: int | None,
        timestamp: int | None,
    ) -> TopicRecord:
        """Write bytes to a source topic of a table; `timestamp` in ms. Raises DriverError."""
        return self._append(
            topic.of(self._conf),
            key,
            value,
            headers=headers,
            partition=partition,
            timestamp=timestamp,
        )

    def _append(
        self,
        topic: BoundTopic,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: Headers = (),
        partition: int | None,
        timestamp: int | None,
    ) -> TopicRecord:
        numbers = self._numbers_of(topic)
        if partition is None:
            partition = 0 if key is None else _partitioner(key, list(numbers), [])
        if partition not in numbers:
            raise DriverError(f"{topic.name} has the partitions 0 to {numbers[-1]} here")
        tp = TopicPartition(topic.name, partition)
        return self._kafka.append(tp, key, value, headers, self._stamp(topic, timestamp))

    def _numbers_of(self, topic: BoundTopic) -> range:
        if topic.name not in self.numbers:
            raise DriverError(f"no table in this driver is folded from {topic.name}")
        return self.numbers[topic.name]

    def _stamp(self, topic: BoundTopic, given: int | None) -> int:
        now = self._clock.time()
        if given is None or topic.time is Timestamp.LOG_APPEND:
            return now
        ahead = topic.config().get(AFTER_MAX, MAX_AHEAD)
        if given > now + int(ahead):
            raise DriverError(f"a broker refuses a timestamp that is {given - now} ms ahead")
        return given

    # -- reading

    def records(self, topic: Topic) -> list[TopicRecord]:
        """Return all records committed to a topic. Raises DriverError for an unknown one."""
        name = topic.of(self._conf).name
        if name not in self._known:
            raise DriverError(f"no table in this driver reads or writes {name}")
        return list(self._kafka.written(name))

    def values(self, topic: Topic) -> list[Any]:
        """Return all values committed to a topic, decoded."""
        return _decode(topic, self.records(topic))

    def new_values(self, topic: Topic) -> list[Any]:
        """Return the values committed to a topic since the last call, decoded."""
        records = self.records(topic)
        name = topic.of(self._conf).name
        begin = self._read.get(name, 0)
        self._read[name] = len(records)
        return _decode(topic, records[begin:])


def _numbers(topic: BoundTopic, tables: Sequence[StateTable], wanted: int | None) -> range:
    count = topic.partition_count()
    # A topic that is not co-partitioned with its source needs all its partitions.
    spread = any(topic in table.topics and not table.co_partitions(topic) for table in tables)
    if wanted is None or topic.partitions is not None or spread:
        return range(count)
    if not 0 < wanted <= count:
        raise DriverError(f"{wanted} partitions of {topic.name}: TOPIC_PARTITIONS is {count}")
    return range(wanted)


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


def _decode(topic: Topic, records: Sequence[TopicRecord]) -> list[Any]:
    decode = topic.read or reader(topic.value)
    return [decode(record.value or b"") for record in records]
