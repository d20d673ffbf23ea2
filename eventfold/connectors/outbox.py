"""Producer of a source: sends records to one topic in batches, each record exactly once.

A batch is built per partition and sent as a whole, because a future and a callback per record make
an ordinary producer slow.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.partitioner import DefaultPartitioner

from eventfold.connectors import Record
from eventfold.kafka.clients.connections import client_options
from eventfold.kafka.clients.topic_metadata import partitions_of
from eventfold.recent import Recent
from eventfold.settings import Settings

log = logging.getLogger(__name__)

#: Bytes of a batch before compression.
BATCH_BYTES = 256 * 1024
#: Seconds without an answer after which a warning is logged; the wait goes on.
ANSWER_TIMEOUT = 10
#: Time-out (s) of a stop for outstanding acknowledgements.
STOP_TIMEOUT = 10


class Outbox:
    """Producer for one topic: idempotent, with acks=all and Java's default partitioner.

    Kafka's timestamp is the time of sending, so that retention counts from there and historical
    records are kept as long as new ones. With `event_timestamps` it is the record's event time,
    for values that don't contain it.
    """

    def __init__(self, conf: Settings, topic: str, *, event_timestamps: bool = False) -> None:
        self._conf = conf
        #: Name of the topic.
        self.topic = topic
        self._event_timestamps = event_timestamps
        self._producer: Any = None
        self._partitions: list[int] = []
        self._partition_of: Recent[bytes, int] = Recent(self._find_partition)
        self._batches: dict[int, Any] = {}
        self._in_flight: set[asyncio.Future[Any]] = set()
        self._error: BaseException | None = None
        #: Number of records that the broker has acknowledged.
        self.delivered = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect and find the topic's partitions.

        Raises KafkaConnectionError if no broker answers, UnknownTopicOrPartitionError(topic)
        if there is no such topic.
        """
        self._producer = AIOKafkaProducer(**client_options(self._conf), **self._options())
        try:
            await self._producer.start()
            self._partitions = await partitions_of(self._producer, self.topic)
            await self._producer.partitions_for(self.topic)
        except BaseException:
            await self._producer.stop()
            raise

    def _options(self) -> dict[str, Any]:
        """Return the options of the producer beside those of every client."""
        return {
            "client_id": f"{self._conf.app_id}-produce",
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": self._conf.compression,
            "max_batch_size": BATCH_BYTES,
            "request_timeout_ms": ANSWER_TIMEOUT * 1000,
        }

    def _find_partition(self, key: bytes) -> int:
        return int(DefaultPartitioner()(key, self._partitions, self._partitions))

    async def send(self, records: Iterable[Record]) -> None:
        """Add `records` to batches, and send the batches that are full.

        Raises KafkaError if the broker has rejected an earlier batch for good.
        """
        now = int(time.time() * 1000)
        event_timestamps, batches = self._event_timestamps, self._batches
        partitions = self._partition_of
        for key, value, event_time in records:
            timestamp = event_time if event_timestamps else now
            partition = partitions[key]
            batch = batches.get(partition)
            if batch is None or not batch.append(timestamp=timestamp, key=key, value=value):
                batch = await self._renew(partition)
                batch.append(timestamp=timestamp, key=key, value=value)
        self._raise_rejection()

    async def _renew(self, partition: int) -> Any:
        """Send the partition's open batch, if there is one, and open another."""
        await self._send_batch(partition)
        self._batches[partition] = self._producer.create_batch()
        return self._batches[partition]

    async def _send_batch(self, partition: int) -> None:
        batch = self._batches.pop(partition, None)
        if batch is None:
            return
        batch.close()  # the producer would linger with an open batch
        while True:
            try:
                sent = await self._producer.send_batch(batch, self.topic, partition=partition)
            except KafkaTimeoutError:
                self._log_waiting()
            else:
                break
        self._in_flight.add(sent)
        number = batch.record_count()
        sent.add_done_callback(lambda future: self._on_answer(future, number))

    def _log_waiting(self) -> None:
        servers = ",".join(self._conf.bootstrap_servers)
        log.warning("no answer from the broker at %s; still trying", servers)

    def _on_answer(self, sent: asyncio.Future[Any], number: int) -> None:
        self._in_flight.discard(sent)
        if sent.cancelled():
            return
        if error := sent.exception():
            self._error = self._error or error
        else:
            self.delivered += number

    def _raise_rejection(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def flush(self) -> None:
        """Send every batch, full or not, without waiting for acknowledgements."""
        for partition in list(self._batches):
            await self._send_batch(partition)

    async def drain(self) -> None:
        """Send every batch and wait, without a time-out, for all acknowledgements.

        Raises KafkaError if the broker has rejected a batch for good.
        """
        await self.flush()
        while self._in_flight:
            done, _ = await asyncio.wait(self._in_flight, timeout=ANSWER_TIMEOUT)
            if not done:
                self._log_waiting()
        self._raise_rejection()

    async def stop(self) -> None:
        """Send the remaining records, for a bounded time, and disconnect."""
        seconds = 1.0
        try:
            await asyncio.wait_for(self.drain(), STOP_TIMEOUT)
            seconds = STOP_TIMEOUT
        except (TimeoutError, KafkaError) as error:
            log.error("the last records did not reach the broker: %r", error)  # noqa: TRY400 - one line
        finally:  # also when this is cancelled
            await self._close(seconds)

    async def _close(self, seconds: float) -> None:
        try:
            # The producer's own stop would wait for the same batches without a time-out.
            await asyncio.wait_for(self._producer.stop(), seconds)
        except TimeoutError:
            await self._producer.client.close()
