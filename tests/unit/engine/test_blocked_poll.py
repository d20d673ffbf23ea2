"""A poll is blocked by the batch of one partition while the task of another is reopened."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from faust.types import TP
from partition_driver import NewTable

from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.tasks import Tasks
from eventfold.harness.journal import LostError, MemoryJournal
from eventfold.harness.kafka import MemoryKafka
from eventfold.kafka.backpressure import Backpressure
from eventfold.kafka.consumer import NONE, BatchConsumer
from eventfold.testing.loop import VirtualClock

Fetched = Mapping[TopicPartition, list["Record"]]


class Record(NamedTuple):
    """A record as aiokafka's parser returns it, with the fields read before it is folded."""

    offset: int
    timestamp: int = 0
    timestamp_type: int = 0


class Consumer(BatchConsumer):
    """The consumer, with the test's polls in place of a thread that asks a broker."""

    def __init__(self, application: TickApp, tasks: Tasks, polls: Iterator[Fetched]) -> None:
        super().__init__(
            application.transport,
            callback=_nothing,
            on_partitions_revoked=_nothing,
            on_partitions_assigned=_nothing,
        )
        self.tasks, tasks.source = tasks, self
        self._backpressure = Backpressure(tasks)
        self.flow_active = True
        #: The offset that each partition was sought to last.
        self.sought: dict[TopicPartition, int] = {}
        self._active_partitions: set[Any] = set()
        #: The partitions that each poll asked for.
        self.asked: list[set[TP]] = []
        self._polls = polls
        # The thread never starts, so its loop is closed here.
        self._thread.thread_loop.close()

    async def _getmany(self, *, active_partitions: set[TP], **_: Any) -> Any:
        self.asked.append(active_partitions)
        return next(self._polls)

    async def _seek_all(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.sought.update(offsets)

    async def committed(self, _: TopicPartition) -> None:
        """Return no committed offset."""

    async def bounds(self, _: TopicPartition) -> tuple[int, int]:
        """Return the bounds of a topic with a hundred records."""
        return 0, 100

    def highwater(self, _: Any) -> int:
        """Return the end of a topic with a hundred records."""
        return 100

    async def topic_id(self, _: str) -> str:
        """Return no topic id."""
        return ""

    def still_assigned(self, _: TopicPartition, __: int) -> bool:
        """Return that the partition stays assigned."""
        return True

    async def delivered(self) -> list[tuple[TP, int]]:
        """Poll once; return the partition and the first offset of each batch."""
        return [(tp, message.value.raw[0].offset) async for tp, message in self.getmany(1.0)]


async def _nothing(*_: Any) -> None:
    """Do nothing, in place of Faust's callbacks."""


def records(begin: int) -> list[Record]:
    """Return ten records from an offset on."""
    return [Record(offset) for offset in range(begin, begin + 10)]


async def wait_until_open(tasks: Tasks, *tps: TopicPartition) -> None:
    """Wait until the tasks of the partitions run."""
    async with asyncio.timeout(30):
        while not all(map(tasks.running, tps)):  # noqa: ASYNC110  # no event to wait for
            await asyncio.sleep(0.01)


async def test_records_fetched_for_a_task_are_not_delivered_to_its_successor(
    application: TickApp, new_table: NewTable, tmp_path: Path
) -> None:
    """The new task is further back: it would miss the records in between, unnoticed."""
    tasks = Tasks(Settings(APP_DATADIR=tmp_path, TICKSTREAM_CHECKPOINT_INTERVAL="50ms"), tmp_path)
    tasks.journal = MemoryJournal(MemoryKafka(VirtualClock(0)), 0)
    tasks.add_table(new_table("1m", 0))
    (table,) = tasks.tables
    one, two = (TopicPartition(table.source.name, number) for number in range(2))
    polls = [{one: records(0), two: records(0)}, {one: records(10), two: records(10)}]
    consumer = Consumer(application, tasks, iter([*polls, {two: records(0)}]))
    tasks.assign([one, two], 1)
    tasks.on_flow_open()
    await wait_until_open(tasks, one, two)
    assert await consumer.delivered() == [(TP(*one), 0), (TP(*two), 0)]

    blocked_poll = consumer.getmany(1.0)
    tp, _ = await anext(blocked_poll)
    assert tp == TP(*one)
    task = tasks.running(two)
    task.fail(LostError("no answer"))
    async with asyncio.timeout(30):
        await asyncio.wait([task.runner])
    await wait_until_open(tasks, two)
    assert [tp async for tp, _ in blocked_poll] == []
    assert consumer.sought[two] == 0
    assert await consumer.delivered() == [(TP(*two), 0)]
    await tasks.revoke([one, two])


async def test_partitions_over_the_uncommitted_limit_are_left_out_of_polls(
    application: TickApp, new_table: NewTable, tmp_path: Path
) -> None:
    """Others go on; if all are over it, polls continue but ask for no partition.

    A member that does not poll for long has to leave its group.
    """
    tasks = Tasks(Settings(APP_DATADIR=tmp_path, TICKSTREAM_UNCOMMITTED_BYTES=100), tmp_path)
    tasks.journal = MemoryJournal(MemoryKafka(VirtualClock(0)), 0)
    tasks.add_table(new_table("1m", 0))
    (table,) = tasks.tables
    one, two = (TopicPartition(table.source.name, number) for number in range(2))
    consumer = Consumer(application, tasks, cycle([{}]))
    tasks.assign([one, two], 1)
    tasks.on_flow_open()
    await wait_until_open(tasks, one, two)
    tasks.uncommitted.note(one, 90)
    tasks.uncommitted.note(two, 20)
    await consumer.delivered()
    tasks.uncommitted.note(two, 80)
    await consumer.delivered()
    tasks.uncommitted.note(one, 0)
    await consumer.delivered()
    assert consumer.asked == [{TP(*two)}, NONE, {TP(*one), TP(*two)}]
    await tasks.revoke([one, two])
