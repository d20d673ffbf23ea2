"""Topic ids (KIP-516): a topic that is deleted and made anew under its name has another id.

aiokafka knows the protocol up to a version before them. So this process asks for metadata in the
first version that has them (Kafka 2.8), in the form that aiokafka reads, with the ids beside it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Collection
    from io import BytesIO

    from aiokafka.client import AIOKafkaClient

#: Id of no topic: what brokers without ids have for each.
NO_ID = bytes(16)


class Uuid(AbstractType[bytes]):
    """Sixteen bytes, as they are."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """Return them."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """Read them."""
        return data.read(16)


def to_text(raw: bytes) -> str:
    """Return an id as Kafka's tools print it; the empty text for the id of no topic."""
    return "" if raw == NO_ID else urlsafe_b64encode(raw).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Return the bytes of an id."""
    return urlsafe_b64decode(f"{text}==") if text else NO_ID


class KnownIds:
    """Ids of topics: the newest that a broker has named, or the one that a name is bound to.

    What is fetched under a bound name comes from the topic with that id, or not at all.
    """

    def __init__(self) -> None:
        self._newest: dict[str, bytes] = {}
        self._bound: dict[str, bytes] = {}

    def note(self, name: str, raw: bytes) -> None:
        """Take the id that a broker has named."""
        self._newest[name] = raw

    def bind(self, name: str, text: str) -> str:
        """Bind a name to an id, if it is not bound yet; return the id that it is bound to."""
        return to_text(self._bound.setdefault(name, from_text(text))) if text else ""

    def get(self, name: str) -> bytes:
        """Return the id to fetch a topic by; `NO_ID` where none is known."""
        return self._bound.get(name) or self._newest.get(name, NO_ID)


#: Those of this process, which has one cluster.
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
    """What brokers answer in version 10, in the form of version 5, with the ids."""

    #: Topic → its id, as text, of the topics that there are.
    topic_ids: dict[str, str]

    @classmethod
    def decode(cls, data: Any) -> MetadataResponse:
        """Read an answer, and note the ids."""
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
        """Return the answer as aiokafka's clients give it to their callers, with `topic_id`."""
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
    """aiokafka's request for metadata, in the version with topic ids where a broker has it.

    It lets no look-up make a topic, on brokers with `auto.create.topics.enable` (Kafka's default).
    A topic that was deleted would come back with the broker's number of partitions, and what is
    co-partitioned with it would be written as if it were whole.
    """

    def __init__(self, topics: list[str] | None = None) -> None:
        super().__init__(topics, allow_auto_topic_creation=False)

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
        """Return the request in a version that the broker knows."""
        oldest, newest = versions.get(self.API_KEY, (0, 0))
        if not oldest <= _MetadataRequest_v10.API_VERSION <= newest:
            return super().prepare(versions)
        names = self._topics
        topics: Any = None if names is None else [(NO_ID, name, {}) for name in names]
        return _MetadataRequest_v10(topics, False, False, False, {})


async def topic_ids(client: AIOKafkaClient, names: Collection[str]) -> dict[str, str]:
    """Return the ids of topics, as a broker has them now; empty texts where brokers have none.

    Raises KafkaError, such as for a topic that there is not.
    """
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
    """Return the id of one topic, as `topic_ids` does."""
    return (await topic_ids(client, [name]))[name]
