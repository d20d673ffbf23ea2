"""History of a source topic: the range of offsets to read, and the progress of reading it.

Kafka's timestamps determine the first offset: an event is at most EVENTFOLD_MAX_AHEAD ahead of
the timestamp of its record, so no event of the interval is before the first record younger than
that. Stream time determines the end: it is reached once the last window of the interval is final.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from eventfold.engine.changelog import ends
from eventfold.kafka.admin import existing_topics
from eventfold.replay.selection import ReplayError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import AIOKafkaConsumer

    from eventfold.engine.batch import Batch
    from eventfold.replay.selection import Interval, Selection
    from eventfold.settings import Settings
    from eventfold.topics import BoundTopic


@dataclass
class History:
    """One partition of a source: the offsets [begin, end) that may be read, and the progress."""

    tp: TopicPartition
    #: Whether event times are a field of the records; else they are Kafka's timestamps.
    by_record: bool
    begin: int
    end: int
    #: Estimated offset at which reading will end.
    expected: int
    interval: Interval
    #: Stream time (ms) at which reading ends.
    until: int
    #: Whether the broker has deleted what was before `begin`.
    truncated: bool
    #: Most (ms) by which a window of a deleted record may be newer than the record's timestamp.
    max_lead: int
    #: Offset of the next record to read.
    position: int = 0
    records: int = 0
    stream_time: int = -1
    #: Time (ms) from which on all events are known: the interval's begin, or later.
    known_from: int = 0
    #: Offset of the first record that moves stream time into the interval, and of the first one
    #: that moves it out.
    first: int | None = None
    last: int | None = None
    #: Offset of a record without a Kafka timestamp: there may be more of them before `begin`.
    unstamped: int | None = None

    def __post_init__(self) -> None:
        self.position = self.begin
        self.known_from = self.interval.begin

    @property
    def whole(self) -> bool:
        """Whether it is read from offset 0 on, so that no record is missing."""
        return self.begin == 0

    @property
    def done(self) -> bool:
        """Whether there is nothing more to read."""
        return self.position >= self.end or self.stream_time >= self.until

    def advance(self, batch: Batch) -> None:
        """Update position, stream time and the known span from a batch that was read."""
        times, offsets = self._times(batch)
        if self.truncated and self.position == self.begin:
            # Deleted records were older, and their windows newer by `max_lead` at most.
            self.known_from = max(self.known_from, (batch.raw[0].timestamp or 0) + self.max_lead)
        if self.by_record and self.unstamped is None:
            self.unstamped = next((r.offset for r in batch.raw if (r.timestamp or 0) <= 0), None)
        self.position = batch.end
        self.records += len(batch)
        if not times or max(times) <= self.stream_time:
            return
        if self.first is None:
            self.first = _first(times, offsets, self.known_from)
        if self.last is None:
            self.last = _first(times, offsets, self.interval.end)
        self.stream_time = max(times)

    def _times(self, batch: Batch) -> tuple[Sequence[int], Sequence[int]]:
        if self.by_record:
            return batch.decoded.times, batch.decoded.offsets
        return [each.timestamp or 0 for each in batch.raw], [each.offset for each in batch.raw]

    def within(self, offset: int) -> bool:
        """Return whether stream time was in the interval at the record with this offset."""
        if self.first is None or offset < self.first:
            return False
        return offset < (self.position if self.last is None else self.last)


def _first(times: Sequence[int], offsets: Sequence[int], instant: int) -> int | None:
    return next((o for t, o in zip(times, offsets, strict=True) if t >= instant), None)


async def histories(
    consumer: AIOKafkaConsumer,
    selection: Selection,
    interval: Interval,
    *,
    warm_up: int,
    conf: Settings,
) -> dict[TopicPartition, History]:
    """Return the history to read of each partition of the external sources.

    `warm_up` (ms) is read before the interval, in addition to what windows need.

    Raises ReplayError if a topic does not exist or has another number of partitions, AdminError if
    brokers don't answer.
    """
    counts = await existing_topics(conf)
    found: dict[TopicPartition, History] = {}
    for source in selection.external:
        _check(source, counts.get(source.name, 0))
        ahead = conf.max_ahead if isinstance(source.time, str) else 0
        max_lead = ahead + selection.lookback(source.name)
        until = interval.end + selection.settling(source.name, interval)
        tps = [TopicPartition(source.name, number) for number in range(source.partition_count())]
        bounds = await ends(consumer, tps)
        begins = await _at(consumer, bounds, interval.begin - max_lead - warm_up)
        expected = await _at(consumer, bounds, until)
        for tp, (oldest, end) in bounds.items():
            found[tp] = History(
                tp=tp,
                by_record=isinstance(source.time, str),
                begin=begins[tp],
                end=end,
                expected=expected[tp],
                interval=interval,
                until=until,
                truncated=begins[tp] == oldest > 0,
                max_lead=max_lead,
            )
    return found


def _check(source: BoundTopic, count: int) -> None:
    if not count:
        raise ReplayError(f"there is no topic {source.name}: it has no history")
    if count != source.partition_count():
        raise ReplayError(
            f"topic {source.name} has {count} partitions, TOPIC_PARTITIONS is "
            f"{source.partition_count()}: set TOPIC_PARTITIONS={count}"
        )


async def _at(
    consumer: AIOKafkaConsumer, bounds: Mapping[TopicPartition, tuple[int, int]], time: int
) -> dict[TopicPartition, int]:
    """Return the offset of each partition's first record with a timestamp from `time` (ms) on.

    The end offset for a partition without one.
    """
    found = await consumer.offsets_for_times(dict.fromkeys(bounds, max(time, 0)))
    return {
        tp: end if found.get(tp) is None else found[tp].offset for tp, (_, end) in bounds.items()
    }
