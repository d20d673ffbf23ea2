"""A checkpoint: state, outputs and source position in one Kafka transaction."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka import errors as kafka
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import OffsetAndMetadata

from eventfold.engine.errors import TaskError
from eventfold.engine.outputs import NO_HEADERS, Out
from eventfold.engine.partition import PartitionState, Snapshot


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
