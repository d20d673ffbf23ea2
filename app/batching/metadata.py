"""What this process's Kafka clients ask for when they look a topic up."""

from functools import partial
from typing import Any

from aiokafka import client as _client
from aiokafka.admin import client as _admin
from aiokafka.protocol.metadata import MetadataRequest

#: aiokafka annotates none of it.
clients: tuple[Any, ...] = _client, _admin


def forbid_auto_creation() -> None:
    """Let no look-up make a topic, on brokers with `auto.create.topics.enable` (Kafka's default).

    A topic that was deleted would come back with the broker's number of partitions, and what is
    co-partitioned with it would be written as if it were whole.
    """
    for client in clients:
        client.MetadataRequest = partial(MetadataRequest, allow_auto_topic_creation=False)
