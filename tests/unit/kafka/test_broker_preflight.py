"""Preflight check of brokers: a broker that is stopping is no broker that refuses us."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaConnectionError

from eventfold.embedded import ports
from eventfold.kafka.broker_preflight import RefusedError, demand_entry
from eventfold.settings import Settings


@asynccontextmanager
async def hanging_up(*, stops: bool) -> AsyncIterator[Settings]:
    """Listen, and close each connection at its first request; the whole server if it `stops`."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1) and stops:
            server.close()
        writer.close()

    port = ports.free()
    server = await asyncio.start_server(hang_up, "127.0.0.1", port)
    async with server:
        yield Settings(BROKER_URL=f"kafka://127.0.0.1:{port}")


async def test_a_broker_that_stops_while_it_is_asked_is_unreachable() -> None:
    """Whoever restarts a worker until a broker answers can go on doing so."""
    async with hanging_up(stops=True) as conf:
        with pytest.raises(KafkaConnectionError):
            await demand_entry(conf)


async def test_a_broker_that_hangs_up_each_time_refuses_us() -> None:
    """The message names the setting that may be wrong."""
    async with hanging_up(stops=False) as conf:
        with pytest.raises(RefusedError, match=r"hangs up on us.*SECURITY_PROTOCOL"):
            await demand_entry(conf)
