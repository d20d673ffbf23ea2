"""Loop that reads a topic and writes it to a sink."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from eventfold.connectors.sink import Batch, Reject, Sink, SinkRecord
from eventfold.kafka.clients.connections import cancel_requests, client_options
from eventfold.kafka.clients.topic_metadata import partitions_of
from eventfold.settings import Settings

log = logging.getLogger(__name__)

#: Most bytes of values, about, that a write waits for.
MAX_BYTES = 32 << 20
#: Seconds for the last write when the loop stops or partitions move; what is not written by then
#: is read again.
STOP_TIMEOUT = 10.0
#: The largest interval (ms) that Kafka's clients take: 24 days.
MAX_POLL_INTERVAL = 2**31 - 1


async def log_rejected(record: SinkRecord, reason: str) -> None:
    """Log a record that a sink can't store."""
    log.warning(
        "skipped %s-%d at offset %d: %s", record.topic, record.partition, record.offset, reason
    )


class SinkLoop:
    """Consumer of `topic` in the group `group` that writes its records to `sink`.

    Records of aborted transactions are not read. `reject` is called for each record that the sink
    can't store, `written` with the number of records of each batch that is stored.
    """

    def __init__(
        self,
        conf: Settings,
        topic: str,
        sink: Sink,
        group: str,
        *,
        reject: Reject = log_rejected,
        written: Callable[[int], None] | None = None,
    ) -> None:
        self._conf = conf
        self._topic = topic
        self._sink = sink
        self._group = group
        self._report = reject
        self._report_written = written
        self._consumer: Any = None
        self._ends: dict[TopicPartition, int] | None = None
        #: Next offset to write of each partition, and to commit in Kafka.
        self._written: dict[TopicPartition, int] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._gathered: dict[TopicPartition, list[SinkRecord]] = defaultdict(list)
        self._bytes = 0
        self._gathering_since = time.monotonic()
        #: Held while a write runs: a rebalance waits for it.
        self._writing = asyncio.Lock()
        #: Number of times that partitions were assigned or revoked.
        self._assignment = 0
        self._failure: Exception | None = None
        #: Number of records written since the start, the rejected ones included.
        self.records = 0
        #: Number of records that the sink rejected since the start.
        self.rejected = 0

    async def run(self, *, until_end: bool = False) -> None:
        """Write until cancelled, or with `until_end` up to the end offsets of the assignment.

        Raises KafkaConnectionError if no broker answers, UnknownTopicOrPartitionError(topic) if
        there is no such topic, and what the sink raises.
        """
        self._consumer = self._make_consumer()
        try:
            await self._consumer.start()
            await partitions_of(self._consumer, self._topic)
            await self._sink.open()
            try:
                self._consumer.subscribe([self._topic], listener=_Listener(self))
                await self._write_all(until_end=until_end)
            except Exception as error:
                self._failure = error
                raise
            finally:
                await self._close()
        finally:
            await self._consumer.stop()

    def _make_consumer(self) -> Any:
        conf = self._conf
        return AIOKafkaConsumer(
            **client_options(conf),
            group_id=self._group,
            group_instance_id=conf.instance_id,
            client_id=f"{conf.app_id}-consume",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            # A write may wait for its target for ever, and the heartbeats go on meanwhile. If it
            # left the group, what it has written would be written again.
            max_poll_interval_ms=MAX_POLL_INTERVAL,
            session_timeout_ms=int(conf.session_timeout * 1000),
            heartbeat_interval_ms=int(conf.heartbeat_interval * 1000),
        )

    async def _write_all(self, *, until_end: bool) -> None:
        before = cancel_requests()
        while not (until_end and await self._at_end()):
            # A client in between may swallow a cancellation: a driver that rolls back, or Kafka's
            # while partitions move.
            if cancel_requests() > before:
                raise asyncio.CancelledError
            assignment = self._assignment
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=5000)
            if self._failure:
                raise self._failure
            if self._ends is not None and assignment == self._assignment:
                for partition, records in fetched.items():
                    self._gather(partition, records)
            else:
                self._fetch_again(fetched)
            if self._is_due():
                await self._write()

    async def _close(self) -> None:
        try:
            if self._failure is None and self._ends is not None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._write(), STOP_TIMEOUT)
        finally:
            await self._sink.close()

    def _fetch_again(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek back: what was fetched while partitions moved may not follow what is written."""
        for partition in partitions:
            if self._ends and partition in self._ends:
                self._consumer.seek(partition, self._written[partition])

    def _gather(self, partition: TopicPartition, records: Iterable[Any]) -> None:
        if not self._gathered:
            self._gathering_since = time.monotonic()
        written = self._written.get(partition, 0)
        for each in records:
            if each.offset >= written:
                # In a worker the records of topics that its tasks read name no place.
                record = SinkRecord(
                    *(partition.topic, partition.partition, each.offset),
                    *(each.key, each.value, each.timestamp),
                )
                self._gathered[partition].append(record)
                self._bytes += len(each.value or b"")

    def _is_due(self) -> bool:
        if not self._gathered:
            return False
        return (
            sum(map(len, self._gathered.values())) >= self._sink.max_records
            or self._bytes >= MAX_BYTES
            or time.monotonic() - self._gathering_since >= self._sink.max_seconds
        )

    async def _write(self) -> None:
        """Write what is gathered, then commit its offsets in Kafka to show the lag."""
        async with self._writing:
            await self._write_gathered()

    async def _write_gathered(self) -> None:
        batches = [
            Batch(partition.topic, partition.partition, records, records[-1].offset + 1)
            for partition, records in self._gathered.items()
        ]
        if batches:
            await self._sink.write(batches, self._reject)
            for batch in batches:
                partition = TopicPartition(batch.topic, batch.partition)
                self._written[partition] = self._uncommitted[partition] = batch.end
                self.records += len(batch.records)
                if self._report_written:
                    self._report_written(len(batch.records))
            self._forget()
        if self._uncommitted:
            await self._commit()

    def _forget(self) -> None:
        self._gathered.clear()
        self._bytes = 0

    async def _reject(self, record: SinkRecord, reason: str) -> None:
        await self._report(record, reason)
        self.rejected += 1

    async def _commit(self) -> None:
        try:
            await self._consumer.commit(self._uncommitted)
        except KafkaError as error:
            log.info("records are written, but their offsets not committed in Kafka: %r", error)
        self._uncommitted = {}

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
        return sum(max(0, end - self._written.get(p, 0)) for p, end in self._ends.items())

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Pause `partitions`, which are revoked, and write what is gathered."""
        try:
            self._consumer.pause(*partitions)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._write(), STOP_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - aiokafka would log it and go on
            self._failure = error
        self._forget()
        self._uncommitted = {}
        self._assignment += 1
        self._ends = None

    async def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek each of `partitions` to where the target, or another member, stopped."""
        self._assignment += 1
        try:
            ends = await self._consumer.end_offsets(partitions)
            committed = {p: await self._consumer.committed(p) or 0 for p in ends}
            resumed = await self._sink.resume({_name(p): at for p, at in committed.items()})
            for partition, end in ends.items():
                self._seek(partition, resumed[_name(partition)], end)
        except Exception as error:  # noqa: BLE001 - the same
            self._failure = error
        else:
            self._ends = ends
        # Both before and after: what is fetched until all have their offsets is fetched again.
        self._assignment += 1

    def _seek(self, partition: TopicPartition, offset: int, end: int) -> None:
        if offset > end:
            log.warning(
                "%s ends before the offset in the target: the topic was recreated",
                _name(partition),
            )
            offset = 0
        self._written[partition] = offset
        self._consumer.seek(partition, offset)


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}-{partition.partition}"


class _Listener(ConsumerRebalanceListener):
    """Rebalance listener that passes assignments and revocations to the loop."""

    def __init__(self, loop: SinkLoop) -> None:
        self._loop = loop

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._loop.revoke(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._loop.assign(assigned)
