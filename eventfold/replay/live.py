"""Reader of the outputs of the live application."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventfold.engine.changelog import POLL_RECORDS, ends
from eventfold.kafka.admin import existing_topics
from eventfold.replay.coverage import Coverage
from eventfold.settings import Settings

#: Most (ms) by which Kafka accepts a timestamp ahead of the broker's clock: an output may be older
#: by so much than the record it is made of.
SKEW = 3_600_000


async def written(
    consumer: AIOKafkaConsumer,
    topics: Sequence[str],
    since: int,
    *,
    conf: Settings,
    coverage: Coverage,
    progress: Callable[[int, int], None],
) -> AsyncIterator[tuple[str, int, list[Any]]]:
    """Yield the records in `topics` that may belong to events from `since` (ms) on.

    Yields (topic, partition, records). Calls `progress` with the offsets read and their total, and
    fills `coverage.kept_from`. Raises AdminError, and what aiokafka raises.
    """
    counts = await existing_topics(conf)
    tps = [TopicPartition(topic, n) for topic in topics for n in range(counts.get(topic, 0))]
    if not tps:
        return
    bounds = await ends(consumer, tps)
    begins = await consumer.offsets_for_times(dict.fromkeys(tps, max(0, since - SKEW)))
    left = {tp: bounds[tp][1] for tp in tps if begins.get(tp) is not None}
    consumer.assign(list(left))
    for tp in left:
        consumer.seek(tp, begins[tp].offset)
    deleted = {tp for tp in tps if bounds[tp][0] > 0}
    total = sum(end - begins[tp].offset for tp, end in left.items())
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=200, max_records=POLL_RECORDS)
        for tp, records in fetched.items():
            if tp in deleted:
                deleted.discard(tp)
                oldest = max(coverage.kept_from.get(tp.topic, 0), records[0].timestamp)
                coverage.kept_from[tp.topic] = oldest
            yield tp.topic, tp.partition, records
        missing = 0
        for tp, end in list(left.items()):
            position = await consumer.position(tp)
            missing += max(0, end - position)
            if position >= end:
                consumer.pause(tp)
                del left[tp]
        progress(total - missing, total)
