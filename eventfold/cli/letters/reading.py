"""Reading of dead letters, of the records they are about, and of what was sent again."""

import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventfold.decoding import json_decoder
from eventfold.engine.changelog import ends, new_consumer
from eventfold.kafka.clients.connections import running
from eventfold.records import DeadLetter, ResentRecord
from eventfold.settings import Settings

logger = logging.getLogger(__name__)

#: Offsets from one record to the next up to which reading on is cheaper than a new fetch.
NEAR = 10_000

#: Header of a record that was sent again: the coordinates of its dead letter.
HEADER = "Tickstream-Resent"


class Place(NamedTuple):
    """Coordinates of a record."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def tp(self) -> TopicPartition:
        """The partition."""
        return TopicPartition(self.topic, self.partition)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse topic-partition-offset. Raises ValueError.

        >>> Place.parse("my-topic-3-1042")
        Place(topic='my-topic', partition=3, offset=1042)
        """
        topic, *numbers = text.rsplit("-", 2)
        if not topic or len(numbers) != 2 or not all(map(str.isdecimal, numbers)):
            raise ValueError(f"{text!r} is no TOPIC-PARTITION-OFFSET such as ticks-3-1042")
        return cls(topic, int(numbers[0]), int(numbers[1]))


class Entry(NamedTuple):
    """A dead letter without its content: its coordinates, its table or step, its time (ms)."""

    at: Place
    stage: str
    time: int


#: In place of coordinates: an application was reset, and reads all its records again.
EVERYTHING = "*"


class Resent:
    """The records that were sent again, by their coordinates, and resets of applications."""

    def __init__(self, topic_ids: dict[str, str]) -> None:
        self._topic_ids = topic_ids
        self._by_place: dict[str, ResentRecord] = {}
        self._by_sent: dict[str, ResentRecord] = {}
        self._resets: dict[str, int] = {}

    def add(self, marker: ResentRecord) -> None:
        """Add a record, unless its topic has been made anew since; or a reset."""
        if marker.record == EVERYTHING:
            self._resets[marker.application] = marker.time
            return
        topic = Place.parse(marker.record).topic
        if marker.topic_id in ("", self._topic_ids.get(topic, marker.topic_id)):
            self._by_place[marker.record] = marker
            self._by_sent[marker.sent] = marker

    def of(self, place: Place) -> ResentRecord | None:
        """Return when and where the record at `place` was sent again; None if it was not."""
        return self._by_place.get(str(place))

    def reset_at(self, application: str) -> int:
        """Return when an application was reset last (ms); 0 if it never was."""
        return self._resets.get(application, 0)

    def origin(self, place: Place) -> ResentRecord | None:
        """Return what the record at `place` repeats; None if it was not sent by this command."""
        return self._by_sent.get(str(place))


_letter = json_decoder(DeadLetter)
_marker = json_decoder(ResentRecord)


async def letters(
    conf: Settings, topic: str, partitions: int
) -> AsyncIterator[tuple[Place, DeadLetter]]:
    """Yield each dead letter up to the present end, with its own coordinates."""
    async for record in _records(conf, topic, partitions):
        at = Place(record.topic, record.partition, record.offset)
        try:
            yield at, _letter(record.value or b"")
        except ValueError as error:
            logger.warning("%s is no dead letter: %s", at, error)


async def read_resent(
    conf: Settings, topic: str, topic_ids: dict[str, str], least: int = 0
) -> Resent:
    """Return what was sent again, read to the end and at least to the offset `least`."""
    found = Resent(topic_ids)
    async for record in _records(conf, topic, 1, least):
        if record.value is None:
            continue  # the mark of a writer
        try:
            found.add(_marker(record.value))
        except ValueError as error:
            logger.warning("Offset %d of %s is none of ours: %s", record.offset, topic, error)
    return found


async def _records(
    conf: Settings, topic: str, partitions: int, least: int = 0
) -> AsyncIterator[Any]:
    tps = [TopicPartition(topic, number) for number in range(partitions)]
    async with running(new_consumer(conf)) as consumer:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        left = {tp: max(least, end) for tp, end in (await consumer.end_offsets(tps)).items()}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=200)).values():
                for record in records:
                    yield record
            # A marker of a transaction has an offset but is no record.
            left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}


async def records_at(conf: Settings, places: Iterable[Place]) -> dict[Place, Any]:
    """Return the records at these coordinates that still exist."""
    found: dict[Place, Any] = {}
    async with running(new_consumer(conf)) as consumer:
        for tp, group in groupby(sorted(set(places)), lambda place: place.tp):
            offsets = [place.offset for place in group]
            consumer.assign([tp])
            async for record in _at_offsets(consumer, tp, offsets):
                found[Place(record.topic, record.partition, record.offset)] = record
    return found


async def _at_offsets(
    consumer: AIOKafkaConsumer, tp: TopicPartition, offsets: list[int]
) -> AsyncIterator[Any]:
    """Yield the records at `offsets`, which are sorted."""
    first, end = (await ends(consumer, [tp]))[tp]
    wanted = deque(offset for offset in offsets if first <= offset < end)
    at = -NEAR
    while wanted:
        if not 0 <= wanted[0] - at < NEAR:
            consumer.seek(tp, wanted[0])
        fetched = await consumer.getmany(tp, timeout_ms=200)
        for record in fetched.get(tp, ()):
            if _passed(wanted, record.offset):
                yield record
        at = await consumer.position(tp)
        # Offsets before the position that held no record: compacted, or never visible.
        while wanted and wanted[0] < at:
            wanted.popleft()


def _passed(wanted: deque[int], offset: int) -> bool:
    """Remove what is wanted up to `offset`; return whether that was wanted itself."""
    last = -1
    while wanted and wanted[0] <= offset:
        last = wanted.popleft()
    return last == offset


async def last_records(conf: Settings, tp: TopicPartition, most: int = 100) -> list[Any]:
    """Return the records at the last `most` offsets of a partition."""
    async with running(new_consumer(conf)) as consumer:
        consumer.assign([tp])
        first, end = (await ends(consumer, [tp]))[tp]
        return [
            record
            async for record in _at_offsets(consumer, tp, list(range(max(first, end - most), end)))
        ]


def in_chunks(places: list[Place], most: int) -> Iterator[list[Place]]:
    """Yield the places in lists of at most so many."""
    for begin in range(0, len(places), most):
        yield places[begin : begin + most]
