"""Topic ids (KIP-516): a topic that is deleted and recreated with the same name has another id.

aiokafka implements metadata requests up to a version before topic ids. So this process sends
version 10 (Kafka 2.8), the first one with ids, and converts the response to the form that aiokafka
reads, with the ids beside it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from io import BytesIO
from typing import Any

from aiokafka import client as _client
from aiokafka.admin import client as _admin
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, for_code
from aiokafka.protocol import metadata as _protocol
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import RequestStruct
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

#: Id of no topic; stands for any topic of brokers without ids.
NO_ID = bytes(16)


class Uuid(AbstractType[bytes]):
    """Protocol type of a UUID: sixteen bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """Return the bytes unchanged."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """Read sixteen bytes."""
        return data.read(16)


def to_text(raw: bytes) -> str:
    """Return an id as Kafka's tools print it; the empty string for `NO_ID`."""
    return "" if raw == NO_ID else urlsafe_b64encode(raw).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Return the bytes of an id that `to_text` made."""
    return urlsafe_b64decode(f"{text}==") if text else NO_ID


class KnownIds:
    """Ids of topics by name: the id that a name is bound to, or the newest that a broker reported.

    A fetch under a bound name returns records of the topic with that id, or fails.
    """

    def __init__(self) -> None:
        self._newest: dict[str, bytes] = {}
        self._bound: dict[str, bytes] = {}

    def note(self, name: str, raw: bytes) -> None:
        """Store the id that a broker has reported."""
        self._newest[name] = raw

    def bind(self, name: str, text: str) -> str:
        """Bind a name to an id unless it is bound already; return the id that it is bound to."""
        return to_text(self._bound.setdefault(name, from_text(text))) if text else ""

    def get(self, name: str) -> bytes:
        """Return the id to fetch a topic by; `NO_ID` if none is known."""
        return self._bound.get(name) or self._newest.get(name, NO_ID)


#: Ids known to this process, which uses one cluster.
known = KnownIds()

_PARTITIONS = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)

#: https://kafka.apache.org/protocol#The_Messages_Metadata
_RESPONSE = Schema(
    ("throttle_time_ms", Int32),
    (
        "brokers",
        CompactArray(
            ("node_id", Int32),
            ("host", CompactString("utf-8")),
            ("port", Int32),
            ("rack", CompactString("utf-8")),
            ("tags", TaggedFields),
        ),
    ),
    ("cluster_id", CompactString("utf-8")),
    ("controller_id", Int32),
    (
        "topics",
        CompactArray(
            ("error_code", Int16),
            ("topic", CompactString("utf-8")),
            ("topic_id", Uuid),
            ("is_internal", Boolean),
            ("partitions", _PARTITIONS),
            ("topic_authorized_operations", Int32),
            ("tags", TaggedFields),
        ),
    ),
    ("cluster_authorized_operations", Int32),
    ("tags", TaggedFields),
)

_REQUEST = Schema(
    (
        "topics",
        CompactArray(("topic_id", Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
    ),
    ("allow_auto_topic_creation", Boolean),
    ("include_cluster_authorized_operations", Boolean),
    ("include_topic_authorized_operations", Boolean),
    ("tags", TaggedFields),
)


class MetadataResponse(_protocol.MetadataResponse_v5):
    """Metadata response of version 10 in the form of version 5, with the topic ids."""

    #: Topic → its id as text, for the topics that exist.
    topic_ids: dict[str, str]

    @classmethod
    def decode(cls, data: Any) -> MetadataResponse:
        """Decode a response and store its topic ids in `known`."""
        throttled, brokers, cluster, controller, topics, *_ = _RESPONSE.decode(data)
        found: Any = topics
        answer = cls(
            throttled,
            [tuple(broker[:4]) for broker in brokers],  # type: ignore[union-attr]
            cluster,
            controller,
            [
                (error, name, internal, [_without_epoch(each) for each in partitions])
                for error, name, _, internal, partitions, *_ in found
            ],
        )
        answer.topic_ids = {}
        for error, name, raw, *_ in found:
            if not error:
                known.note(name, raw)
                answer.topic_ids[name] = to_text(raw)
        return answer

    def to_object(self) -> dict[str, Any]:
        """Return the response as aiokafka's clients return it, with a `topic_id` for each topic."""
        answer = super().to_object()
        for topic in answer["topics"]:
            topic["topic_id"] = self.topic_ids.get(topic["topic"], "")
        return answer


def _without_epoch(partition: Any) -> tuple[Any, ...]:
    error, number, leader, _, replicas, isr, offline, _ = partition
    return error, number, leader, replicas, isr, offline


class _MetadataRequest_v10(RequestStruct):  # noqa: N801  # as aiokafka names them
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = MetadataResponse
    SCHEMA = _REQUEST


class MetadataRequest(_protocol.MetadataRequest):
    """aiokafka's metadata request, in the version with topic ids if the broker has it.

    It never creates a topic, even on brokers with `auto.create.topics.enable` (Kafka's default).
    Otherwise a deleted topic would come back with the broker's default number of partitions, and
    co-partitioned topics would be written as if it were complete.
    """

    def __init__(self, topics: list[str] | None = None) -> None:
        super().__init__(topics, allow_auto_topic_creation=False)

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
        """Return the request in a version that the broker supports."""
        oldest, newest = versions.get(self.API_KEY, (0, 0))
        if not oldest <= _MetadataRequest_v10.API_VERSION <= newest:
            return super().prepare(versions)
        names = self._topics
        topics: Any = None if names is None else [(NO_ID, name, {}) for name in names]
        return _MetadataRequest_v10(topics, False, False, False, {})


async def topic_ids(client: AIOKafkaClient, names: Collection[str]) -> dict[str, str]:
    """Return the ids of topics; "" if brokers have no ids. Raises KafkaError."""
    node = client.get_random_node()
    if node is None:
        raise KafkaConnectionError("no broker is known")
    answer = await client.send(node, MetadataRequest(list(names)))
    for error, name, *_ in answer.topics:
        if error:
            raise for_code(error)(name)
    found = answer.topic_ids if isinstance(answer, MetadataResponse) else {}
    return {name: found.get(name, "") for name in names}


async def topic_id(client: AIOKafkaClient, name: str) -> str:
    """Return the id of one topic. Raises as `topic_ids` does."""
    return (await topic_ids(client, [name]))[name]


#: aiokafka annotates none of it.
clients: tuple[Any, ...] = _client, _admin


def replace_metadata_request() -> None:
    """Make all clients request topic ids, and never create a topic by requesting its metadata."""
    for client in clients:
        client.MetadataRequest = MetadataRequest
