"""Readiness of a broker: it returns metadata, and both coordinators answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from eventfold.embedded.ports import HOST

#: Seconds between two attempts.
PAUSE = 0.05
GROUP, TRANSACTION = 0, 1


async def ready(port: int) -> None:
    """Wait until the broker on `port` serves clients; cancel the call to give up.

    The requests for coordinators make the broker create the topics of their state, so that the
    first consumer group and the first transaction need not wait for that.
    """
    await _until_listening(port)
    while True:
        try:
            async with _admin(port) as admin:
                await admin.find_coordinator("", GROUP)
                await admin.find_coordinator("", TRANSACTION)
                await admin.list_consumer_groups()
        except (KafkaError, OSError, TimeoutError):
            await asyncio.sleep(PAUSE)
        else:
            return


async def _until_listening(port: int) -> None:
    """Wait without a Kafka client, which would log each refused connection as an error."""
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(PAUSE)
        else:
            writer.close()
            return


@asynccontextmanager
async def _admin(port: int) -> AsyncIterator[Any]:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=10_000)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
