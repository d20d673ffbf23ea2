"""CSV sink: a topic of ticks or bare prices → rows of a CSV file, each record once."""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from app.settings import settings
from app.sinks.csv import CsvFile
from app.sinks.rows import Row, to_row
from eventfold.kafka.clients import security_options
from eventfold.kafka.topic_metadata import partitions_of

log = logging.getLogger(__name__)

#: Seconds between two commits, since each waits for the disk.
COMMIT_INTERVAL = 1.0


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}-{partition.partition}"


class CsvSink:
    """Consumer of `topic` in the group `group` that appends its records to `file`.

    Reading continues at the file's own offsets, or at the group's committed offset if another
    member has advanced since. Records of aborted transactions are not read.
    """

    def __init__(
        self, bootstrap_servers: Sequence[str], topic: str, file: CsvFile, group: str
    ) -> None:
        self._servers = list(bootstrap_servers)
        self._topic = topic
        self._file = file
        self._group = group
        self._consumer: Any = None
        self._ends: dict[TopicPartition, int] | None = None
        self._uncommitted: set[TopicPartition] = set()
        self._committed_at = time.monotonic()
        self._failure: Exception | None = None
        #: Number of rows appended since the start.
        self.rows = 0
        #: Number of records skipped since the start; each is logged.
        self.unreadable = 0

    async def run(self, *, until_end: bool = False) -> None:
        """Append until cancelled, or with `until_end` up to the end offsets of the assignment.

        Raises KafkaConnectionError if no broker answers, UnknownTopicOrPartitionError(topic) if
        there is no such topic, UnusableFileError or OSError if the file can't be written.
        """
        self._consumer = self._make_consumer()
        try:
            await self._connect()
            self._file.open()
            try:
                self._consumer.subscribe([self._topic], listener=_Listener(self))
                await self._append_all(until_end=until_end)
            finally:
                await self._close()
        finally:
            await self._consumer.stop()

    def _make_consumer(self) -> Any:
        conf = settings()
        return AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            **security_options(conf),
            group_id=self._group,
            group_instance_id=conf.instance_id,
            client_id="tickstream-consume",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            session_timeout_ms=int(conf.session_timeout * 1000),
            heartbeat_interval_ms=int(conf.heartbeat_interval * 1000),
        )

    async def _connect(self) -> None:
        await self._consumer.start()
        await partitions_of(self._consumer, self._topic)

    async def _close(self) -> None:
        try:
            if self._uncommitted and self._failure is None:
                await self.commit()
        finally:
            self._file.close()

    async def _append_all(self, *, until_end: bool) -> None:
        while not (until_end and await self._at_end()):
            batches = await self._consumer.getmany(timeout_ms=200, max_records=5000)
            if self._failure:
                raise self._failure
            for partition, records in batches.items():
                self._append(partition, records)
            if self._uncommitted and time.monotonic() - self._committed_at >= COMMIT_INTERVAL:
                await self.commit()

    def _append(self, partition: TopicPartition, records: Sequence[Any]) -> None:
        name = _name(partition)
        # Fetching starts at the group's offset before `assign` seeks, so skip what is written.
        written = self._file.offsets.get(name, 0)
        new = [record for record in records if record.offset >= written]
        if not new:
            return
        rows = [row for record in new if (row := self._row(record))]
        self._file.append(rows, name, new[-1].offset + 1)
        self._uncommitted.add(partition)
        self.rows += len(rows)

    def _row(self, record: Any) -> Row | None:
        try:
            return to_row(record.value, record.timestamp)
        except ValueError as error:
            self.unreadable += 1
            log.warning(
                "skipped %s-%d at offset %d: %s",
                *(record.topic, record.partition, record.offset, error),
            )
            return None

    async def commit(self) -> None:
        """Commit the appended rows in the file, then their offsets in Kafka to show the lag."""
        partitions, self._uncommitted = self._uncommitted, set()
        self._committed_at = time.monotonic()
        self._file.commit()
        try:
            await self._consumer.commit({p: self._file.offsets[_name(p)] for p in partitions})
        except KafkaError as error:
            log.info("offsets are committed in the file, but not in Kafka: %r", error)

    async def _at_end(self) -> bool:
        """Return whether the position has reached the end offsets of the assignment.

        The last record's offset is not enough: a transaction's marker has an offset but no record.
        """
        if self._ends is None:
            return False
        return all([await self._consumer.position(p) >= end for p, end in self._ends.items()])

    @property
    def left(self) -> int | None:
        """Offsets up to the assignment's end that are not written yet; None while unassigned."""
        if self._ends is None:
            return None
        written = self._file.offsets
        return sum(max(0, end - written.get(_name(p), 0)) for p, end in self._ends.items())

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Pause `partitions`, which are revoked, and commit what was appended."""
        try:
            self._consumer.pause(*partitions)
            if self._uncommitted:
                await self.commit()
        except Exception as error:  # noqa: BLE001 - aiokafka would log it and go on
            self._failure = error
        self._ends = None

    async def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek each of `partitions` to where the file, or another member, stopped."""
        try:
            ends = await self._consumer.end_offsets(partitions)
            for partition, end in ends.items():
                await self._seek(partition, end)
        except Exception as error:  # noqa: BLE001 - the same
            self._failure = error
        else:
            self._ends = ends

    async def _seek(self, partition: TopicPartition, end: int) -> None:
        name = _name(partition)
        if self._file.offsets.get(name, 0) > end:
            log.warning("%s ends before the offset in the file: the topic was recreated", name)
            self._file.offsets[name] = 0
            self._consumer.seek(partition, 0)
        committed = await self._consumer.committed(partition) or 0
        written = self._file.offsets.get(name, 0)
        if written > committed:
            self._consumer.seek(partition, written)


class _Listener(ConsumerRebalanceListener):
    """Rebalance listener that passes assignments and revocations to the sink."""

    def __init__(self, sink: CsvSink) -> None:
        self._sink = sink

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._sink.revoke(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._sink.assign(assigned)
