"""Sending from inside a program: the outbox and the simulator's service, on a real broker."""

import asyncio
import json
import os
import time
import uuid
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from new_topics import connected, contents, create, new_topic
from waiting import until

from app.market.simulator import Simulator
from app.market.walks import CLEAN, Market
from eventfold.connectors.outbox import Outbox
from eventfold.embedded import LocalBroker


async def test_simulator_runs_as_a_service(bootstrap: str) -> None:
    """Started and stopped inside another program, it sends only complete ticks of the present."""
    topic, started = new_topic(bootstrap), time.time() * 1000
    simulator = Simulator(connected(bootstrap), Market(step=1, flaws=CLEAN), topic=topic)
    await simulator.start()
    await asyncio.to_thread(until, lambda: simulator.outbox.delivered > 100)
    await simulator.stop()
    times = [json.loads(value)["time"] for _, value in contents(bootstrap, topic)]
    assert len(times) == simulator.outbox.delivered
    assert started - 1 <= min(times) <= max(times) <= time.time() * 1000


async def test_record_rejected_by_the_broker_raises_its_error(
    bootstrap: str,
) -> None:
    """A record larger than the broker accepts raises a KafkaError at the next drain."""
    async with Outbox(connected(bootstrap), new_topic(bootstrap)) as outbox:
        await outbox.send([(b"A", os.urandom(3_000_000), 0)])
        with pytest.raises(KafkaError):
            await outbox.drain()


async def test_topic_that_is_created_while_the_producer_starts_is_found(bootstrap: str) -> None:
    """A broker learns of a new topic a moment after its creation has been answered."""
    name = f"created-late-{uuid.uuid4().hex[:8]}"
    outbox = Outbox(connected(bootstrap), name)
    starting = asyncio.create_task(outbox.start())
    try:
        await asyncio.to_thread(create, bootstrap, name)
        await starting
        await outbox.send([(b"A", b"x", 0)])
    finally:
        await outbox.stop()
    assert contents(bootstrap, name) == [(b"A", b"x")]


async def test_each_record_arrives_once_across_a_broker_restart(tmp_path: Path) -> None:
    """Records sent before the kill, while the broker is down and after it arrive in order."""
    values = [str(n).encode() for n in range(30_000)]
    broker = LocalBroker(tmp_path)
    await asyncio.to_thread(broker.start)
    try:
        topic = new_topic(broker.bootstrap, 1)
        async with Outbox(connected(broker.bootstrap), topic) as outbox:
            sending = asyncio.create_task(_send_slowly(outbox, values))
            await asyncio.to_thread(until, lambda: outbox.delivered > 3_000)
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
            await sending
        found = [value for _, value in contents(broker.bootstrap, topic)]
    finally:
        await asyncio.to_thread(broker.stop)
    assert found == values


async def _send_slowly(outbox: Outbox, values: list[bytes]) -> None:
    for start in range(0, len(values), 100):
        await outbox.send([(b"A", value, 0) for value in values[start : start + 100]])
        await outbox.flush()
        await asyncio.sleep(0.005)
    await outbox.drain()
