"""Fetch by topic id: records come from the very topic that a name is bound to.

Fetched by name, a topic that is deleted and recreated between two fetches would continue at the old
offset, once it is long enough, and nobody would notice. aiokafka fetches by name (up to version
11). Version 13 (Kafka 3.1) fetches by id, and brokers reject the id of a deleted topic.
"""

from collections.abc import Mapping
from typing import Any

from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.protocol import fetch as _protocol
from aiokafka.protocol.api import RequestStruct
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from eventfold.kafka.clients.topic_ids import NO_ID, Uuid, known

#: UNKNOWN_TOPIC_ID and INCONSISTENT_TOPIC_ID, which aiokafka does not define.
_OTHER_TOPIC = (100, 103)

_REQUEST = Schema(
    ("replica_id", Int32),
    ("max_wait_time", Int32),
    ("min_bytes", Int32),
    ("max_bytes", Int32),
    ("isolation_level", Int8),
    ("session_id", Int32),
    ("session_epoch", Int32),
    (
        "topics",
        CompactArray(
            ("topic_id", Uuid),
            (
                "partitions",
                CompactArray(
                    ("partition", Int32),
                    ("current_leader_epoch", Int32),
                    ("fetch_offset", Int64),
                    ("last_fetched_epoch", Int32),
                    ("log_start_offset", Int64),
                    ("max_bytes", Int32),
                    ("tags", TaggedFields),
                ),
            ),
            ("tags", TaggedFields),
        ),
    ),
    (
        "forgotten_topics_data",
        CompactArray(("topic_id", Uuid), ("partitions", CompactArray(Int32))),
    ),
    ("rack_id", CompactString("utf-8")),
    ("tags", TaggedFields),
)

#: https://kafka.apache.org/protocol#The_Messages_Fetch
_RESPONSE = Schema(
    ("throttle_time_ms", Int32),
    ("error_code", Int16),
    ("session_id", Int32),
    (
        "topics",
        CompactArray(
            ("topic_id", Uuid),
            (
                "partitions",
                CompactArray(
                    ("partition", Int32),
                    ("error_code", Int16),
                    ("highwater_offset", Int64),
                    ("last_stable_offset", Int64),
                    ("log_start_offset", Int64),
                    (
                        "aborted_transactions",
                        CompactArray(
                            ("producer_id", Int64), ("first_offset", Int64), ("tags", TaggedFields)
                        ),
                    ),
                    ("preferred_read_replica", Int32),
                    ("message_set", CompactBytes),
                    ("tags", TaggedFields),
                ),
            ),
            ("tags", TaggedFields),
        ),
    ),
    ("tags", TaggedFields),
)


class _FetchRequest_v13(RequestStruct):  # noqa: N801  # as aiokafka names them
    FLEXIBLE_VERSION = True
    API_KEY = 1
    API_VERSION = 13
    RESPONSE_TYPE = _protocol.FetchResponse_v11
    SCHEMA = _REQUEST


class _ResponseReader:
    """Decoder of responses into the form of version 11, with the topic names of the request."""

    def __init__(self, names: Mapping[bytes, str]) -> None:
        self._names = names

    def decode(self, data: Any) -> _protocol.FetchResponse_v11:
        """Decode a response."""
        throttled, error, session, topics, _ = _RESPONSE.decode(data)
        found: Any = topics
        named = [
            (self._names[raw], [_by_name(each) for each in partitions])
            for raw, partitions, _ in found
        ]
        return _protocol.FetchResponse_v11(throttled, error, session, named)


def _by_name(partition: Any) -> tuple[Any, ...]:
    number, error, highwater, stable, start, aborted, replica, records, _ = partition
    if error in _OTHER_TOPIC:
        error = UnknownTopicOrPartitionError.errno
    pairs = [(producer, first) for producer, first, _ in aborted or ()]
    return number, error, highwater, stable, start, pairs, replica, records or b""


class FetchRequest(_protocol.FetchRequest):
    """aiokafka's fetch request, by topic id if all ids are known and the broker supports it."""

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
        """Return the request in a version that the broker supports."""
        oldest, newest = versions.get(self.API_KEY, (0, 0))
        ids = {name: known.get(name) for name, _ in self._topics}
        if NO_ID in ids.values() or not oldest <= _FetchRequest_v13.API_VERSION <= newest:
            return super().prepare(versions)
        topics: Any = [
            (
                ids[name],
                [
                    # No epochs, and no log start offset, which only followers send.
                    (partition, -1, offset, -1, -1, size, {})
                    for partition, offset, size in partitions
                ],
                {},
            )
            for name, partitions in self._topics
        ]
        sizes = self._max_wait_ms, self._min_bytes, self._max_bytes
        request = _FetchRequest_v13(
            -1, *sizes, self._isolation_level, 0, -1, topics, [], self._rack_id, {}
        )
        request.RESPONSE_TYPE = _ResponseReader({raw: name for name, raw in ids.items()})  # type: ignore[misc,assignment]
        return request
