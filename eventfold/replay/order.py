"""Order of a replay: how the batches of all partitions follow each other, and its checkpoints."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventfold.engine.clock import SystemClock
from eventfold.replay.history import History


class ReplayClock(SystemClock):
    """Clock of a replay: it says when a checkpoint interval passes; `now` is this machine's."""

    def __init__(self, interval: int) -> None:
        #: Checkpoint interval (ms).
        self._interval = interval
        self._ticks = 0
        self._sleeping: list[asyncio.Future[None]] = []

    @property
    def sleepers(self) -> int:
        """Number of tasks that await the next tick."""
        return len(self._sleeping)

    def tick(self) -> None:
        """Advance by a checkpoint interval, and wake all sleepers."""
        self._ticks += 1
        sleeping, self._sleeping = self._sleeping, []
        for each in sleeping:
            if not each.done():  # cancelled
                each.set_result(None)

    def monotonic(self) -> float:
        """Return the time since the start (s)."""
        return self._ticks * self._interval / 1000

    async def sleep(self, seconds: float) -> None:
        """Wait for the next tick; 0 only yields a turn."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._sleeping.append(future)
        await future


async def batches(
    consumer: AIOKafkaConsumer, histories: Mapping[TopicPartition, History], size: int
) -> AsyncIterator[tuple[History, list[Any]]]:
    """Yield the records of histories, each up to its end, in batches of `size` of one partition.

    The partition whose next record has the lowest Kafka timestamp is next. How the broker's answers
    divide the records has no influence: that is another one each time.
    """
    reader = _Reader(consumer, histories, size)
    while (tp := await reader.next_partition()) is not None:
        yield histories[tp], await reader.take(tp)
        if histories[tp].done:
            reader.close(tp)


class _Reader:
    """Records that are fetched and not in a batch yet."""

    def __init__(
        self, consumer: AIOKafkaConsumer, histories: Mapping[TopicPartition, History], size: int
    ) -> None:
        self._consumer = consumer
        self._ends = {tp: history.end for tp, history in histories.items()}
        self._size = size
        self._waiting: dict[TopicPartition, list[Any]] = {
            tp: [] for tp, history in histories.items() if not history.done
        }
        #: Partitions that are not fetched to their ends yet.
        self._open = set(self._waiting)
        consumer.assign(list(self._waiting))
        for tp in self._waiting:
            consumer.seek(tp, histories[tp].begin)

    async def next_partition(self) -> TopicPartition | None:
        """Return the partition of the next batch; None at the end of all."""
        while any(not self._waiting[tp] for tp in self._open):
            await self._fetch()
        found = {tp: records[0] for tp, records in self._waiting.items() if records}
        return min(found, key=lambda tp: (found[tp].timestamp or 0, tp), default=None)

    async def take(self, tp: TopicPartition) -> list[Any]:
        """Return the next batch of a partition."""
        while tp in self._open and len(self._waiting[tp]) < self._size:
            await self._fetch()
        records = self._waiting[tp]
        self._waiting[tp] = records[self._size :]
        return records[: self._size]

    async def _fetch(self) -> None:
        # Of all partitions that lack records, not only of the one that is waited for: aiokafka
        # fetches nothing more from a broker while it holds an answer that nobody has taken.
        lacking = [tp for tp in sorted(self._open) if len(self._waiting[tp]) < self._size]
        fetched = await self._consumer.getmany(*lacking, timeout_ms=200, max_records=self._size)
        for tp, records in fetched.items():
            self._waiting[tp] += records
            while self._waiting[tp] and self._waiting[tp][-1].offset >= self._ends[tp]:
                self._waiting[tp].pop()
        for tp in lacking:
            # A transaction ends in a marker, which is no record.
            if await self._consumer.position(tp) >= self._ends[tp]:
                self._end(tp)

    def _end(self, tp: TopicPartition) -> None:
        self._open.discard(tp)
        self._consumer.pause(tp)

    def close(self, tp: TopicPartition) -> None:
        """Drop the records left of a partition, and fetch no more of them."""
        self._waiting[tp] = []
        self._end(tp)
