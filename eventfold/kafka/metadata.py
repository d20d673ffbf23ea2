"""What this process's Kafka clients ask for when they look a topic up."""

from typing import Any

from aiokafka import client as _client
from aiokafka.admin import client as _admin

from eventfold.kafka.topic_ids import MetadataRequest

#: aiokafka annotates none of it.
clients: tuple[Any, ...] = _client, _admin


def replace_metadata_request() -> None:
    """Let clients ask for topic ids, and let no look-up make a topic."""
    for client in clients:
        client.MetadataRequest = MetadataRequest
