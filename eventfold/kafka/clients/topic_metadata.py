"""Topics as a client's broker knows them, which may be a moment behind."""

import stamina
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError

from eventfold.kafka.clients.connections import connection_of

#: Seconds in which every broker learns of a topic that has just been created.
PROPAGATION = 5.0

#: Decorator: ask again for `PROPAGATION` seconds while a topic is unknown, because the controller
#: answers a creation before every broker knows of it.
until_known = stamina.retry(
    on=UnknownTopicOrPartitionError,
    attempts=None,
    timeout=PROPAGATION,
    wait_initial=0.05,
    wait_max=0.5,
)


@until_known
async def partitions_of(client: AIOKafkaProducer | AIOKafkaConsumer, topic: str) -> list[int]:
    """Return an existing topic's partitions. Raises UnknownTopicOrPartitionError(topic)."""
    # Request all topics, because a request for one creates it on many brokers.
    metadata = await connection_of(client).fetch_all_metadata()
    partitions = metadata.partitions_for_topic(topic)
    if not partitions:
        raise UnknownTopicOrPartitionError(topic)
    return sorted(partitions)
