"""A checkpoint: state, outputs and source position in one Kafka transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka import errors as kafka
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import OffsetAndMetadata

from eventfold.engine.errors import TaskError
from eventfold.engine.partition import NO_HEADERS
from eventfold.kafka.clients import client_options, own_cancellation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.settings import Settings
    from eventfold.engine.partition import Out, PartitionState, Snapshot

#: Below the broker's `message.max.bytes` default of 1,048,588.
BATCH_BYTES = 900_000

#: Pause before a coordinator that is still busy with the last transaction is asked again; with
#: aiokafka's 100 ms, the slowest twentieth of all commits took 112 ms instead of 18.
RETRY_BACKOFF_MS = 20

#: Seconds that an idle producer may take to stop.
STOP_TIMEOUT = 1.0


class InvalidRecordError(kafka.BrokerResponseError):
    """What a broker validates records for, and aiokafka has no name for."""

    errno = 87
    message = "INVALID_RECORD"
    description = "This record has failed the validation on the broker."


kafka.kafka_errors.setdefault(InvalidRecordError.errno, InvalidRecordError)

#: What a broker says of records that it will never take, however often they are sent.
REFUSALS = (
    InvalidRecordError,
    kafka.InvalidTimestampError,
    kafka.InvalidTopicError,
    kafka.MessageSizeTooLargeError,
    kafka.PolicyViolationError,
    kafka.RecordListTooLargeError,
    kafka.TopicAuthorizationFailedError,
    kafka.UnsupportedForMessageFormatError,
)

#: And of the transaction as a whole.
FORBIDDEN = (
    kafka.ClusterAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.InvalidTransactionTimeout,
    kafka.TopicAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
)


def new_producer(transactional_id: str, conf: Settings) -> AIOKafkaProducer:
    """Make the producer of a task; starting it fences every older one of the same id."""
    return AIOKafkaProducer(
        **client_options(conf),
        transactional_id=transactional_id,
        transaction_timeout_ms=conf.transaction_timeout,
        compression_type=conf.compression,
        max_batch_size=BATCH_BYTES,
        retry_backoff_ms=RETRY_BACKOFF_MS,
    )


@asynccontextmanager
async def only_writer(transactional_id: str, conf: Settings) -> AsyncIterator[Any]:
    """Start a producer that shuts out every older one of this id, and stop it in the end."""
    producer: Any = new_producer(transactional_id, conf)
    try:
        await producer.start()
        yield producer
    finally:
        await stop_producer(producer)


def is_fatal(producer: AIOKafkaProducer) -> bool:
    """Say whether the producer was fenced or otherwise can't begin a transaction any more."""
    manager = producer._txn_manager  # noqa: SLF001  # asking `begin_transaction` raises AssertionError
    return bool(manager and manager.is_fatal_error())


def is_fenced(producer: AIOKafkaProducer) -> bool:
    """Say whether a newer producer of its id, or the broker after a time-out, has shut it out."""
    sender = producer._sender.sender_task  # noqa: SLF001  # it ends with what was fatal
    ended = sender is not None and sender.done() and not sender.cancelled()
    return ended and isinstance(sender.exception(), kafka.ProducerFenced)


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer, in about a second at the most.

    Where the broker does not answer, aiokafka would wait for what is in flight. What is left of
    a transaction is aborted by the next producer of the same id, or by its time-out.
    """
    _see_end(producer)
    if not _in_transaction(producer):
        with suppress(TimeoutError), own_cancellation():
            async with asyncio.timeout(STOP_TIMEOUT):
                await producer.stop()
    await _abandon(producer)


def _see_end(producer: AIOKafkaProducer) -> None:
    """Look at what a transaction ended with: asyncio logs an exception that nobody has seen."""
    manager = producer._txn_manager  # noqa: SLF001  # it has no public state
    waiter = manager._transaction_waiter if manager else None  # noqa: SLF001
    if waiter is not None and waiter.done() and not waiter.cancelled():
        waiter.exception()


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
            manager.fatal_error(kafka.ProducerClosed())
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

    Raises what aiokafka raises, and TaskError where the broker refuses records for good; the
    transaction is aborted then, and nothing of it is visible.
    """
    try:
        async with producer.transaction():
            changelogs, outputs = [], []
            for state, snapshot in snapshots:
                rows: list[Out] = [(key, value, NO_HEADERS) for key, value in snapshot.rows]
                changelog = TopicPartition(state.table.changelog.name, state.partition)
                changelogs.append(await _send(producer, changelog, rows))
                for (topic, partition), records in snapshot.outputs.items():
                    outputs += await _send(producer, TopicPartition(topic, partition), records)
            # All at once, so that no batch's error is left for nobody to look at.
            reached = await asyncio.gather(
                *(_last_offset(sent) for sent in changelogs),
                *(sent.delivered() for sent in outputs),
            )
            # Not until those are in: the broker asks the transaction's coordinator about both, and
            # of two questions at once it drops one (AddPartitionsToTxnManager, NETWORK_EXCEPTION).
            # One commit in five was sent again after a pause.
            offsets = {source: OffsetAndMetadata(position, metadata)}
            await producer.send_offsets_to_transaction(offsets, group)
            return [offset + 1 for offset in reached[: len(changelogs)]]
    except FORBIDDEN as error:
        raise TaskError(f"{group} may not write its checkpoints: {_reason(error)}") from error


def _reason(error: kafka.KafkaError) -> str:
    """Give what the broker said, in words."""
    said = ", ".join(map(str, error.args))
    name, why = type(error).__name__, getattr(error, "description", None)
    return f"{name}: {why or said}" + (f" ({said})" if why and said else "")


class _Sent:
    """A batch on its way to the broker."""

    __slots__ = ("_future", "_records", "_tp")

    def __init__(self, future: asyncio.Future, tp: TopicPartition, records: Sequence[Out]) -> None:
        self._future = future
        self._tp = tp
        self._records = records

    async def delivered(self) -> int:
        """Wait until it is in; give the offset of its last record.

        Raises TaskError where the broker will never take it, else what aiokafka raises.
        """
        try:
            return (await self._future).offset + len(self._records) - 1
        except REFUSALS as error:
            raise TaskError(f"the broker refuses {self}: {_reason(error)}") from error

    def __str__(self) -> str:
        key, value, _ = max(self._records, key=_size)
        count = len(self._records)
        return (
            f"{count} record{'s' if count > 1 else ''} for {self._tp.topic}-{self._tp.partition} "
            f"(the largest has {len(value or b''):,} bytes, its key is {key[:100]!r})"
        )


def _size(record: Out) -> int:
    key, value, _ = record
    return len(key) + len(value or b"")


async def _send(
    producer: AIOKafkaProducer, tp: TopicPartition, records: Sequence[Out]
) -> list[_Sent]:
    """Append records to the client's own batches: no coroutine and no future for each."""
    sent: list[_Sent] = []
    batch, first = producer.create_batch(), 0
    for index, (key, value, headers) in enumerate(records):
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            sent.append(await _send_batch(producer, batch, tp, records[first:index]))
            batch, first = producer.create_batch(), index
            # The first record of a batch is taken whatever its size; the broker has its own word.
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    sent.append(await _send_batch(producer, batch, tp, records[first:]))
    return sent


async def _send_batch(
    producer: AIOKafkaProducer, batch: BatchBuilder, tp: TopicPartition, records: Sequence[Out]
) -> _Sent:
    future = await producer.send_batch(batch, tp.topic, partition=tp.partition)
    return _Sent(future, tp, records)


async def _last_offset(sent: list[_Sent]) -> int:
    return (await asyncio.gather(*(each.delivered() for each in sent)))[-1]
