"""Metadata requests of this process's Kafka clients."""

from typing import Any

from aiokafka import client as _client
from aiokafka.admin import client as _admin

from eventfold.kafka.topic_ids import MetadataRequest

#: aiokafka annotates none of it.
clients: tuple[Any, ...] = _client, _admin


def replace_metadata_request() -> None:
    """Make all clients request topic ids, and never create a topic by requesting its metadata."""
    for client in clients:
        client.MetadataRequest = MetadataRequest
