"""Broker in memory: topics, changelogs and committed offsets."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from eventfold.engine.clock import Clock

Headers = tuple[tuple[str, bytes], ...]

#: Key, value and headers of records to be written.
Writes = list[tuple[bytes, bytes | None, Headers]]

_offset = attrgetter("offset")


@dataclass(slots=True)
class TopicRecord:
    """Record as stored in a topic; `timestamp` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class PartitionLog:
    """Records of one partition by ascending offset, possibly with gaps."""

    def __init__(self, tp: TopicPartition) -> None:
        self.tp = tp
        self.records: list[TopicRecord] = []
        #: Offset of the first record, and of the next one to be written.
        self.begin = self.end = 0

    def append(
        self, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> TopicRecord:
        """Append one record and return it."""
        record = TopicRecord(*self.tp, self.end, timestamp, key, value, headers)
        self.records.append(record)
        self.end += 1
        return record

    def skip(self, offsets: int) -> None:
        """Skip offsets that no reader sees: those of markers and of aborted records."""
        self.end += offsets

    def start_at(self, offset: int) -> None:
        """Delete the records before an offset, as retention does; the next one is not before it."""
        self.records = self.since(offset)
        self.begin, self.end = offset, max(self.end, offset)

    def since(self, offset: int, limit: int | None = None) -> list[TopicRecord]:
        """Return the first `limit` records from `offset` on; all if it is None."""
        first = bisect_left(self.records, offset, key=_offset)
        return self.records[first : None if limit is None else first + limit]

    def compact(self, *, tombstones: bool) -> None:
        """Keep the last record of each key; with `tombstones`, drop tombstones as well."""
        last = {record.key: record.offset for record in self.records}
        self.records = [
            record
            for record in self.records
            if last[record.key] == record.offset and not (tombstones and record.value is None)
        ]


@dataclass
class Transaction:
    """Transaction of a task: records by partition, and the position in its source."""

    writes: dict[TopicPartition, Writes]
    source: TopicPartition
    position: int
    metadata: str


class MemoryKafka:
    """All topics, the group's committed offsets, and the epochs of transactional ids."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._logs: dict[TopicPartition, PartitionLog] = {}
        #: How often a topic was recreated.
        self._remade: Counter[str] = Counter()
        #: All records ever written to a topic, in the order of writing.
        self._written: dict[str, list[TopicRecord]] = {}
        #: The group's committed offsets.
        self.committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self._epochs: dict[str, int] = {}
        self._pending: dict[str, Transaction] = {}

    def topic_id(self, topic: str) -> str:
        """Return a topic's id, which changes each time that it is recreated."""
        return f"{topic}#{self._remade[topic]}"

    def remake(self, topic: str) -> None:
        """Delete a topic with its records and committed offsets, and create it again, empty."""
        self._remade[topic] += 1
        for tp in [tp for tp in self._logs if tp.topic == topic]:
            del self._logs[tp]
        for tp in [tp for tp in self.committed if tp.topic == topic]:
            del self.committed[tp]

    def log(self, topic: str, partition: int) -> PartitionLog:
        """Return the log of a partition."""
        tp = TopicPartition(topic, partition)
        return self._logs.setdefault(tp, PartitionLog(tp))

    def written(self, topic: str) -> Sequence[TopicRecord]:
        """Return all records ever committed to a topic, in the order of writing."""
        return self._written.get(topic, ())

    def append(
        self,
        tp: TopicPartition,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        timestamp: int | None = None,
    ) -> TopicRecord:
        """Append one record; its timestamp (ms) is the clock's time if None."""
        stamp = self.clock.time() if timestamp is None else timestamp
        record = self.log(*tp).append(stamp, key, value, headers)
        self._written.setdefault(tp.topic, []).append(record)
        return record

    # -- transactions

    def fence(self, name: str) -> int:
        """Fence the older producers of a transactional id, aborting; return the new epoch."""
        self.abort(name)
        self._epochs[name] = self._epochs.get(name, 0) + 1
        return self._epochs[name]

    def is_current(self, name: str, epoch: int) -> bool:
        """Return whether no newer producer has taken over the transactional id."""
        return self._epochs.get(name) == epoch

    def begin(self, name: str, transaction: Transaction) -> None:
        """Store a transaction as pending: no reader sees its records yet."""
        self._pending[name] = transaction

    def take_pending(self, name: str) -> Transaction:
        """Return a pending transaction, which is pending no more."""
        return self._pending.pop(name)

    def commit(self, name: str) -> dict[TopicPartition, int]:
        """Commit a transaction, with markers; return the offset behind each log's last record."""
        transaction = self.take_pending(name)
        reached = {}
        for tp, records in transaction.writes.items():
            for key, value, headers in records:
                self.append(tp, key, value, headers)
            reached[tp] = self.log(*tp).end
            self.log(*tp).skip(1)
        self.committed[transaction.source] = OffsetAndMetadata(
            transaction.position, transaction.metadata
        )
        return reached

    def abort(self, name: str) -> None:
        """Abort the pending transaction, if any; its records and markers leave gaps."""
        transaction = self._pending.pop(name, None)
        if transaction is not None:
            for tp, records in transaction.writes.items():
                self.log(*tp).skip(len(records) + 1)

    # -- changelogs

    def compact(self, topics: Iterable[str], *, tombstones: bool) -> None:
        """Compact topics, as a broker does in the background; see `PartitionLog.compact`."""
        names = set(topics)
        for tp, log in self._logs.items():
            if tp.topic in names:
                log.compact(tombstones=tombstones)
