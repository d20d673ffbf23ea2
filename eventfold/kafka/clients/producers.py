"""Transactional producers: how they start, whether they can go on, and how they stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka

from eventfold.kafka.clients.connections import client_options, own_cancellation
from eventfold.settings import Settings

#: Below the broker's `message.max.bytes` default of 1,048,588.
BATCH_BYTES = 900_000

#: Pause before a request is repeated to a coordinator that is still busy with the last
#: transaction. With aiokafka's 100 ms, the slowest twentieth of commits took 112 ms instead of 18.
RETRY_BACKOFF_MS = 20

#: Longest time (s) that a producer without a transaction may take to stop.
STOP_TIMEOUT = 1.0


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
