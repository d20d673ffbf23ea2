"""Feed: one topic, consumed once for all its readers.

It reads committed records only, while there are readers and a little longer. Its consumer is not
in the workers' consumer group, so it blocks no processing and commits no offset.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventfold.engine.changelog import ends
from eventfold.kafka.clients.connections import running
from eventfold.topics import BoundTopic
from eventfold.web.live.event import Event, shape_of
from eventfold.web.live.reader import Reader
from eventfold.web.protection.rate import Budget

#: Maximum number of records kept of each partition, and of bytes of their keys and values.
KEPT, KEPT_BYTES = 4_000, 4 << 20


class Kept(NamedTuple):
    """Record as it was fetched; its value is decoded only when a reader wants it."""

    offset: int
    key: bytes
    value: bytes

    @property
    def size(self) -> int:
        """Bytes of its key and value."""
        return len(self.key) + len(self.value)


class History:
    """The newest records of one partition, oldest first."""

    def __init__(self, begin: int, kept: int = KEPT, kept_bytes: int = KEPT_BYTES) -> None:
        #: First offset from which on the history is complete.
        self.begin = begin
        #: Next offset to add.
        self.end = begin
        self._records: deque[Kept] = deque()
        self._bytes = 0
        self._kept, self._kept_bytes = kept, kept_bytes

    def add(self, record: Kept) -> None:
        """Add the next record; drop the oldest ones beyond the limits."""
        self._records.append(record)
        self._bytes += record.size
        self.end = record.offset + 1
        while len(self._records) > self._kept or self._bytes > self._kept_bytes:
            oldest = self._records.popleft()
            self._bytes -= oldest.size
            self.begin = oldest.offset + 1

    def since(self, offset: int) -> Iterator[Kept]:
        """Yield the records from `offset` on."""
        return (record for record in self._records if record.offset >= offset)


#: Records of each partition, before its end, that a starting feed reads for readers that come
#: from another worker.
LOOK_BACK = 2_000

POLL_RECORDS = 1_000
POLL_TIMEOUT_MS = 250

#: Records times readers that are offered between two turns of the event loop: a few ms.
OFFERS = 2_000

#: Lag of a feed in a partition (records), beyond `LOOK_BACK`, at which it skips to near the end.
TOO_FAR = 10_000

#: Seconds for which a returning reader waits for the feed to start.
START = 5.0

#: Seconds until a failed feed reads from the brokers again.
PAUSE = 1.0

_log = logging.getLogger(__name__)


class Feed:
    """Feed that consumes a topic and offers its records to readers.

    Readers know the topic by its name without EVENTFOLD_TOPIC_PREFIX.
    """

    def __init__(
        self, topic: BoundTopic, new_consumer: Callable[[], AIOKafkaConsumer], budget: Budget
    ) -> None:
        self.topic = topic.base_name
        self._new_consumer = new_consumer
        self._budget = budget
        count = topic.partition_count()
        self._partitions = [TopicPartition(topic.name, number) for number in range(count)]
        self._histories: dict[int, History] = {}
        #: Watched key → readers; under None the readers of the whole topic.
        self._by_key: dict[bytes | None, set[Reader]] = defaultdict(set)
        self._started = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- readers

    @property
    def idle(self) -> bool:
        """True if the feed has no readers."""
        return not self._by_key

    async def add(self, reader: Reader, cursor: Mapping[int, int] | None) -> bool:
        """Offer to `reader` all records to come, and those since `cursor`, its next offsets.

        Return once the feed runs, so that no later record is missed. Return False if the history
        does not cover `cursor`, or if the feed did not start within `START` seconds: then the
        reader gets a gap.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"feed of {self.topic}")
        for key in self._keys_of(reader):
            self._by_key[key].add(reader)
        try:
            async with asyncio.timeout(START):
                await self._started.wait()
        except TimeoutError:
            reader.miss()
            return False
        return cursor is None or self._catch_up(reader, cursor)

    def remove(self, reader: Reader) -> None:
        """Stop offering records to `reader`."""
        for key in self._keys_of(reader):
            self._by_key[key].discard(reader)
            if not self._by_key[key]:
                del self._by_key[key]

    @property
    def position(self) -> dict[int, int]:
        """Next offset of each partition; all records before it have been offered."""
        return {number: history.end for number, history in self._histories.items()}

    def _keys_of(self, reader: Reader) -> set[bytes | None]:
        watches = [watch for watch in reader.watches if watch.topic == self.topic]
        return {None if watch.key is None else watch.key.encode() for watch in watches}

    def _catch_up(self, reader: Reader, cursor: Mapping[int, int]) -> bool:
        whole = True
        for number, history in self._histories.items():
            begin = cursor.get(number)
            if begin is None or begin < history.begin or begin > history.end:
                whole = False
                continue
            for record in history.since(begin):
                reader.offer(self._event(number, record))
        return whole

    # -- reading

    async def stop(self) -> None:
        """Stop the consumer."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._read_all()
            except Exception as error:  # noqa: BLE001  # later readers still get what follows
                _log.warning("reading %s for live events failed, retrying: %r", self.topic, error)
            await asyncio.sleep(PAUSE)

    async def _read_all(self) -> None:
        async with running(self._new_consumer()) as consumer:
            consumer.assign(self._partitions)
            await self._begin(consumer)
            while True:
                fetched = await consumer.getmany(
                    timeout_ms=POLL_TIMEOUT_MS, max_records=POLL_RECORDS
                )
                for tp, records in fetched.items():
                    await self._take(tp.partition, records)
                self._keep_up(consumer)

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        """Seek to where the feed was; at its first start read the last `LOOK_BACK` records."""
        bounds = await ends(consumer, self._partitions)
        for tp, (first, last) in bounds.items():
            known, begin = self._histories.get(tp.partition), max(first, last - LOOK_BACK)
            if known is None:
                self._histories[tp.partition] = History(begin)
            elif not first <= known.end <= last:
                self._skip_to(tp.partition, begin)
            consumer.seek(tp, self._histories[tp.partition].end)
        # A feed that starts again has readers: they are offered all that follows.
        if not self._started.is_set():
            await self._reach(consumer, {tp: last for tp, (_, last) in bounds.items()})
            self._started.set()

    async def _reach(self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        """Read the records before `ends`, so that a new reader is offered only newer ones."""
        # It is charged but does not wait: readers do, and `LOOK_BACK` bounds it.
        for tp, end in ends.items():
            # Transaction markers are not records, so the position shows the end, not a record.
            while await consumer.position(tp) < end:
                fetched = await consumer.getmany(
                    tp, timeout_ms=POLL_TIMEOUT_MS, max_records=POLL_RECORDS
                )
                with self._budget.charging():
                    for record in fetched.get(tp, ()):
                        self._take_one(tp.partition, record, is_new=record.offset >= end)
                await asyncio.sleep(0)

    def _keep_up(self, consumer: AIOKafkaConsumer) -> None:
        """Skip to near the end of partitions in which the feed has fallen too far behind."""
        for tp in self._partitions:
            begin = (consumer.highwater(tp) or 0) - LOOK_BACK
            if begin - self._histories[tp.partition].end <= TOO_FAR:
                continue
            self._skip_to(tp.partition, begin)
            consumer.seek(tp, begin)

    def _skip_to(self, number: int, offset: int) -> None:
        """Continue a partition at an offset; its readers get a `gap`."""
        self._histories[number] = History(offset)
        for reader in set().union(*self._by_key.values()):
            reader.miss()

    async def _take(self, number: int, records: Sequence[Any]) -> None:
        begin = 0
        while begin < len(records):
            readers = sum(map(len, self._by_key.values()))
            end = begin + max(1, OFFERS // max(1, readers))
            async with self._budget.turn():
                for record in records[begin:end]:
                    self._take_one(number, record)
            begin = end

    def _take_one(self, number: int, record: Any, *, is_new: bool = True) -> None:
        kept = Kept(record.offset, record.key or b"", record.value or b"")
        self._histories[number].add(kept)
        if kept.value and is_new:
            self._offer(number, kept)

    def _offer(self, number: int, record: Kept) -> None:
        readers = self._by_key.get(record.key, set()) | self._by_key.get(None, set())
        if readers:
            event = self._event(number, record)
            for reader in readers:
                reader.offer(event)

    def _event(self, number: int, record: Kept) -> Event:
        key = record.key.decode(errors="replace")
        shape = shape_of(record.value)
        return Event(self.topic, number, record.offset, key, record.value, shape)
