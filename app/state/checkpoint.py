"""A checkpoint: state, outputs and source position in one Kafka transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerClosed, ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import OffsetAndMetadata

if TYPE_CHECKING:
    from app.state.partition import Out, PartitionState, Snapshot

#: Below the broker's `message.max.bytes` default of 1,048,588.
BATCH_BYTES = 900_000

#: Pause before a coordinator that is still busy with the last transaction is asked again; with
#: aiokafka's 100 ms, the slowest twentieth of all commits took 112 ms instead of 18.
RETRY_BACKOFF_MS = 20

#: Seconds that an idle producer may take to stop.
STOP_TIMEOUT = 1.0


def new_producer(
    transactional_id: str,
    *,
    bootstrap_servers: list[str],
    timeout_ms: int,
    compression: str,
) -> AIOKafkaProducer:
    """Make the producer of a task; starting it fences every older one of the same id."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        transactional_id=transactional_id,
        transaction_timeout_ms=timeout_ms,
        compression_type=compression,
        max_batch_size=BATCH_BYTES,
        retry_backoff_ms=RETRY_BACKOFF_MS,
    )


def is_fatal(producer: AIOKafkaProducer) -> bool:
    """Say whether the producer was fenced or otherwise can't begin a transaction any more."""
    manager = producer._txn_manager  # noqa: SLF001  # asking `begin_transaction` raises AssertionError
    return bool(manager and manager.is_fatal_error())


def is_fenced(producer: AIOKafkaProducer) -> bool:
    """Say whether a newer producer of its id, or the broker after a time-out, has shut it out."""
    sender = producer._sender.sender_task  # noqa: SLF001  # it ends with what was fatal
    ended = sender is not None and sender.done() and not sender.cancelled()
    return ended and isinstance(sender.exception(), ProducerFenced)


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer, in about a second at the most.

    Where the broker does not answer, aiokafka would wait for what is in flight. What is left of
    a transaction is aborted by the next producer of the same id, or by its time-out.
    """
    if not _in_transaction(producer):
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT):
                await producer.stop()
    await _abandon(producer)


def _in_transaction(producer: AIOKafkaProducer) -> bool:
    waiter = producer._txn_manager._transaction_waiter  # noqa: SLF001  # it has no public state
    return waiter is not None and not waiter.done()


async def _abandon(producer: AIOKafkaProducer) -> None:
    """End what still runs of a producer; it is no longer usable, and its transaction lost."""
    sender = producer._sender.sender_task  # noqa: SLF001  # `stop` waits for it without end
    if sender is not None and not sender.done():
        if _in_transaction(producer):
            # Who is about to commit or to abort is not to wait for an answer.
            manager = producer._txn_manager  # noqa: SLF001
            manager.fatal_error(ProducerClosed())
            manager.wait_for_transaction_end().exception()  # seen, also if nobody waits
        producer._closed = True  # noqa: SLF001  # else it warns when it is collected
        await producer.client.close()
        # Cancelled, it still waits for its requests: again, until those are cancelled too.
        while not sender.done():
            sender.cancel()
            await asyncio.wait([sender], timeout=0.05)


async def write(
    producer: AIOKafkaProducer,
    snapshots: Sequence[tuple[PartitionState, Snapshot]],
    *,
    source: TopicPartition,
    position: int,
    group: str,
    metadata: str,
) -> list[int]:
    """Write one transaction; give, for each table, the changelog offset it reached.

    Raises what aiokafka raises; the transaction is aborted then, and nothing of it is visible.
    """
    async with producer.transaction():
        changelogs, outputs = [], []
        for state, snapshot in snapshots:
            rows: list[Out] = [(key, value, []) for key, value in snapshot.rows]
            sent = await _send(producer, state.table.changelog.name, state.partition, rows)
            changelogs.append(sent)
            for (topic, partition), records in snapshot.outputs.items():
                outputs += await _send(producer, topic, partition, records)
        offsets = {source: OffsetAndMetadata(position, metadata)}
        await producer.send_offsets_to_transaction(offsets, group)
        await asyncio.gather(*(future for future, _ in outputs))
        return [await _last_offset(sent) + 1 for sent in changelogs]


#: What a batch became: its delivery, and how many records are in it.
_Sent = tuple[asyncio.Future, int]


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[Out]
) -> list[_Sent]:
    """Append records to the client's own batches: no coroutine and no future for each."""
    sent: list[_Sent] = []
    batch = producer.create_batch()
    for key, value, headers in records:
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            await _send_batch(producer, batch, topic, partition, sent)
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    await _send_batch(producer, batch, topic, partition, sent)
    return sent


async def _send_batch(
    producer: AIOKafkaProducer, batch: BatchBuilder, topic: str, partition: int, sent: list[_Sent]
) -> None:
    future = await producer.send_batch(batch, topic, partition=partition)
    sent.append((future, batch.record_count()))


async def _last_offset(sent: list[_Sent]) -> int:
    deliveries = await asyncio.gather(*(future for future, _ in sent))
    return deliveries[-1].offset + sent[-1][1] - 1
