"""A checkpoint: state, outputs and source position in one Kafka transaction."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka import errors as kafka
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import OffsetAndMetadata

from eventfold.engine.errors import TaskError
from eventfold.engine.outputs import NO_HEADERS, Out
from eventfold.engine.partition import PartitionState, Snapshot
from eventfold.kafka.clients import client_options, own_cancellation
from eventfold.settings import Settings

#: Below the broker's `message.max.bytes` default of 1,048,588.
BATCH_BYTES = 900_000

#: Pause before a request is repeated to a coordinator that is still busy with the last
#: transaction. With aiokafka's 100 ms, the slowest twentieth of commits took 112 ms instead of 18.
RETRY_BACKOFF_MS = 20

#: Longest time (s) that a producer without a transaction may take to stop.
STOP_TIMEOUT = 1.0


class InvalidRecordError(kafka.BrokerResponseError):
    """Error of a record that failed the broker's validation; aiokafka lacks this error code."""

    errno = 87
    message = "INVALID_RECORD"
    description = "This record has failed the validation on the broker."


kafka.kafka_errors.setdefault(InvalidRecordError.errno, InvalidRecordError)

#: Errors of records that a broker will never accept, however often they are sent.
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

#: Errors by which brokers forbid the whole transaction.
FORBIDDEN = (
    kafka.ClusterAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.InvalidTransactionTimeout,
    kafka.TopicAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
)


def new_producer(transactional_id: str, conf: Settings) -> AIOKafkaProducer:
    """Return the producer of a task; starting it fences every older one with the same id."""
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
    """Start a producer that fences every older one with this id, and stop it in the end."""
    producer: Any = new_producer(transactional_id, conf)
    try:
        await producer.start()
        yield producer
    finally:
        await stop_producer(producer)


def is_fatal(producer: AIOKafkaProducer) -> bool:
    """Return whether the producer can begin no transaction any more: fenced, or failed."""
    manager = producer._txn_manager  # noqa: SLF001  # asking `begin_transaction` raises AssertionError
    return bool(manager and manager.is_fatal_error())


def is_fenced(producer: AIOKafkaProducer) -> bool:
    """Return whether a newer producer with its id, or the broker after a time-out, fenced it."""
    sender = producer._sender.sender_task  # noqa: SLF001  # it ends with what was fatal
    ended = sender is not None and sender.done() and not sender.cancelled()
    return ended and isinstance(sender.exception(), kafka.ProducerFenced)


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer in about a second at the most."""
    # aiokafka would wait for the requests in flight, even to a broker that does not answer. An open
    # transaction is aborted by the next producer with the same id, or by its time-out.
    _see_end(producer)
    if not _in_transaction(producer):
        with suppress(TimeoutError), own_cancellation():
            async with asyncio.timeout(STOP_TIMEOUT):
                await producer.stop()
    await _abandon(producer)


def _see_end(producer: AIOKafkaProducer) -> None:
    """Retrieve the exception of a transaction: asyncio logs those that nobody retrieved."""
    manager = producer._txn_manager  # noqa: SLF001  # it has no public state
    waiter = manager._transaction_waiter if manager else None  # noqa: SLF001
    if waiter is not None and waiter.done() and not waiter.cancelled():
        waiter.exception()


def _in_transaction(producer: AIOKafkaProducer) -> bool:
    waiter = producer._txn_manager._transaction_waiter  # noqa: SLF001  # it has no public state
    return waiter is not None and not waiter.done()


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Cancel what still runs of a producer; it is unusable then, and its transaction is lost."""
    sender = producer._sender.sender_task  # noqa: SLF001  # `stop` waits for it without end
    if sender is not None and not sender.done():
        if _in_transaction(producer):
            # Whoever awaits a commit or an abort must not wait for an answer that never comes.
            manager = producer._txn_manager  # noqa: SLF001
            manager.fatal_error(kafka.ProducerClosed())
            manager.wait_for_transaction_end().exception()  # retrieved, even if nobody waits
        producer._closed = True  # noqa: SLF001  # else it warns when it is collected
        await producer.client.close()
        # A cancelled sender still waits for its requests: repeat until those are cancelled too.
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
    """Write one transaction; return the next changelog offset of each table.

    Raises what aiokafka raises, and TaskError where the broker rejects records for good or forbids
    the transaction. The transaction is aborted then, and nothing of it is visible.
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
            # Awaited together, so that the error of each batch is retrieved.
            reached = await asyncio.gather(
                *(_last_offset(sent) for sent in changelogs),
                *(sent.delivered() for sent in outputs),
            )
            # Only after the records are acknowledged: the broker asks the transaction coordinator
            # about both, and drops one of two concurrent requests (AddPartitionsToTxnManager,
            # NETWORK_EXCEPTION). One commit in five was then retried after a pause.
            offsets = {source: OffsetAndMetadata(position, metadata)}
            await producer.send_offsets_to_transaction(offsets, group)
            return [offset + 1 for offset in reached[: len(changelogs)]]
    except FORBIDDEN as error:
        raise TaskError(f"{group} may not write its checkpoints: {_reason(error)}") from error


def _reason(error: kafka.KafkaError) -> str:
    """Format a broker's error: its name, its description, its arguments."""
    said = ", ".join(map(str, error.args))
    name, why = type(error).__name__, getattr(error, "description", None)
    return f"{name}: {why or said}" + (f" ({said})" if why and said else "")


class _Sent:
    """Batch of records in flight to the broker."""

    __slots__ = ("_future", "_records", "_tp")

    def __init__(self, future: asyncio.Future, tp: TopicPartition, records: Sequence[Out]) -> None:
        self._future = future
        self._tp = tp
        self._records = records

    async def delivered(self) -> int:
        """Wait for the acknowledgement; return the last record's offset. Raises TaskError."""
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
    """Send records in batches of the client's own: no coroutine and no future for each record."""
    sent: list[_Sent] = []
    batch, first = producer.create_batch(), 0
    for index, (key, value, headers) in enumerate(records):
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            sent.append(await _send_batch(producer, batch, tp, records[first:index]))
            batch, first = producer.create_batch(), index
            # A batch accepts its first record at any size; the broker applies its own limit.
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
