"""Clients of Kafka end as a whole, whenever they are ended."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from eventfold.engine.checkpoint import stop_producer
from eventfold.kafka.clients import own_cancellation, stop_consumer


@pytest.mark.parametrize("turns", range(8))
async def test_a_consumer_may_be_stopped_at_once(bootstrap: str, turns: int) -> None:
    """However few turns of the event loop after its start: no error, and no task is left."""
    before = asyncio.all_tasks()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    consumer.assign([TopicPartition("ticks", 0)])
    for _ in range(turns):
        await asyncio.sleep(0)
    await stop_consumer(consumer)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_one_that_can_not_start_is_stopped_too() -> None:
    """Of a broker that nobody can reach."""
    await stop_consumer(AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1"))


async def test_a_producer_may_be_stopped_at_once(bootstrap: str) -> None:
    """Before the task that sends has begun."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="at once")
    await producer.start()
    await stop_producer(producer)


async def test_who_is_cancelled_himself_ends() -> None:
    """While a client closes."""

    async def closing() -> None:
        with own_cancellation():
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(closing())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
