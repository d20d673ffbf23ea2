"""Topics for one test: created, filled and read with librdkafka."""

import uuid
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from truth import read

from eventfold.connectors import Record
from eventfold.settings import Settings


def connected(bootstrap: str, **settings: object) -> Settings:
    """Return settings of a program that uses these brokers."""
    return Settings().model_copy(update={"broker_url": f"kafka://{bootstrap}", **settings})


def create(bootstrap: str, name: str, partitions: int = 3) -> None:
    """Create a topic for records of any age."""
    topic = NewTopic(name, partitions, 1, config={"retention.ms": "-1"})
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([topic])[name].result(30)


def new_topic(bootstrap: str, partitions: int = 3) -> str:
    """Create a topic that no other test has, and return its name."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    create(bootstrap, name, partitions)
    return name


def fill(bootstrap: str, topic: str, records: Iterable[Record]) -> None:
    """Send records, each with its event time as Kafka's timestamp, and wait for delivery."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2",
            "linger.ms": 5,
            "enable.idempotence": True,
        }
    )
    for key, value, time in records:
        producer.produce(topic, value, key, timestamp=time)
        if len(producer) > 50_000:
            producer.poll(0.01)
    assert producer.flush(60) == 0


def contents(bootstrap: str, topic: str) -> list[tuple[Any, Any]]:
    """Return key and value of all records, each partition in order."""
    return [(message.key(), message.value()) for message in read(bootstrap, topic)]
