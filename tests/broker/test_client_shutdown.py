"""Kafka clients stop completely, at whatever moment they are stopped."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from eventfold.kafka.clients.connections import own_cancellation, stop_consumer
from eventfold.kafka.clients.producers import stop_producer


@pytest.mark.parametrize("turns", range(8))
async def test_consumer_can_be_stopped_right_after_its_start(bootstrap: str, turns: int) -> None:
    """After any number of turns of the event loop: no error, and no task is left."""
    before = asyncio.all_tasks()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    consumer.assign([TopicPartition("ticks", 0)])
    for _ in range(turns):
        await asyncio.sleep(0)
    await stop_consumer(consumer)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_consumer_that_cannot_start_can_be_stopped() -> None:
    """Its broker can't be reached."""
    await stop_consumer(AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1"))


async def test_producer_can_be_stopped_right_after_its_start(bootstrap: str) -> None:
    """Before its sender task has begun."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="at once")
    await producer.start()
    await stop_producer(producer)


async def test_cancelled_task_ends_while_it_closes_a_client() -> None:
    """Its own cancellation is not taken for one of the client's."""

    async def closing() -> None:
        with own_cancellation():
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(closing())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
