"""Reading of changelogs, for restores and for standbys."""

from collections.abc import Collection, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.admin import DescribeConfigsRequest

from eventfold.engine.errors import OtherHistoryError, changelog_made_anew
from eventfold.engine.replica import Log, now_ms
from eventfold.kafka.clients.connections import client_options, connection_of
from eventfold.kafka.clients.topic_ids import known, topic_ids
from eventfold.settings import Settings
from eventfold.topics import TOMBSTONES_KEPT

FETCH_BYTES = 8 << 20

#: Longest time (ms) that a broker waits for more data before it answers a fetch.
FETCH_WAIT_MS = 50

#: Most records of one poll: between two polls the event loop gets a turn.
POLL_RECORDS = 10_000

#: Resource type of a topic in Kafka's protocol.
_TOPIC = 2


def new_consumer(conf: Settings) -> AIOKafkaConsumer:
    """Return a consumer of changelogs that reads committed records only."""
    return AIOKafkaConsumer(
        **client_options(conf),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )


async def ends(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """Return the first offset of each partition and its end offset, one past the last."""
    first = await consumer.beginning_offsets(partitions)
    last = await consumer.end_offsets(partitions)
    return {tp: (first[tp], last[tp]) for tp in partitions}


async def survey(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], conf: Settings
) -> dict[TopicPartition, Log]:
    """Return what brokers know of partitions, then fetched by id. Raises OtherHistoryError."""
    asked, client = now_ms(), connection_of(consumer)
    names = {tp.topic for tp in partitions}
    ids = await topic_ids(client, names)
    for name, found in ids.items():
        if known.bind(name, found) != found:
            raise OtherHistoryError(changelog_made_anew(name, conf))
    kept = await _tombstones_kept(client, names)
    return {
        tp: Log(first, end, ids[tp.topic], kept.get(tp.topic, TOMBSTONES_KEPT), asked)
        for tp, (first, end) in (await ends(consumer, partitions)).items()
    }


async def _tombstones_kept(client: Any, topics: Collection[str]) -> dict[str, int]:
    """Return `delete.retention.ms` (ms) of those topics whose configuration brokers disclose."""
    resources = [(_TOPIC, topic, ["delete.retention.ms"]) for topic in topics]
    answer = await client.send(client.get_random_node(), DescribeConfigsRequest(resources))
    return {
        topic: int(entry[1]) for _, _, _, topic, entries in answer.resources for entry in entries
    }
