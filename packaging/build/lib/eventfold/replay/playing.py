"""Player: run the real agents over history, batch by batch, in the order of each partition."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition

from eventfold.engine.batch import Batch
from eventfold.engine.errors import told
from eventfold.engine.window_table import WindowTable
from eventfold.replay.errors import ReplayError
from eventfold.replay.tasks import ReplayTasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aiokafka import AIOKafkaConsumer

    from eventfold.replay.history import History
    from eventfold.replay.selection import Application, Selection
    from eventfold.replay.shadow import ShadowJournal
    from eventfold.settings import Settings
    from eventfold.topics import Topic

#: Batches that may wait for an agent.
BUFFERED = 4


class Feed:
    """Bounded queue of batches that an agent iterates over."""

    def __init__(self) -> None:
        self._batches: asyncio.Queue[Batch] = asyncio.Queue(BUFFERED)
        self._given = False

    async def put(self, batch: Batch) -> None:
        """Add a batch, once there is room."""
        await self._batches.put(batch)

    async def worked_off(self) -> None:
        """Wait until the agent has processed all batches and asks for another."""
        await self._batches.join()

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> Batch:
        if self._given:
            self._batches.task_done()
        batch = await self._batches.get()
        self._given = True
        return batch


class Player:
    """One replay: its tasks, its agents and their feeds."""

    def __init__(
        self,
        app: Application,
        selection: Selection,
        histories: Mapping[TopicPartition, History],
        *,
        journal: ShadowJournal,
        conf: Settings,
        directory: Path,
    ) -> None:
        self._app = app
        self._selection = selection
        self._histories = histories
        self._journal = journal
        self._conf = conf
        begins = {tp: history.begin for tp, history in histories.items()}
        self.tasks = ReplayTasks(conf, directory, selection.tables, journal, begins)
        self._feeds: dict[str, list[Feed]] = {}
        self._running: list[asyncio.Task[None]] = []
        #: Time (ms) up to which results are final, by table and partition.
        self.finalised: dict[tuple[str, int], int] = {}

    async def play(self, consumer: AIOKafkaConsumer, read: Callable[[History], None]) -> None:
        """Replay all histories; call `read` after each batch. Raises ReplayError."""
        original, self._app.tasks = self._app.tasks, self.tasks
        playing = asyncio.ensure_future(self._play(consumer, read))
        try:
            await asyncio.wait({playing, self.tasks.failed}, return_when="FIRST_COMPLETED")
            if self.tasks.failed.done():
                self.tasks.failed.result()
            await playing
        finally:
            await _end([playing, *self._running])
            self.tasks.failed.cancel()
            await self.tasks.stop_all()
            self._app.tasks = original

    async def _play(self, consumer: AIOKafkaConsumer, read: Callable[[History], None]) -> None:
        every = [tp for source in self._selection.sources for tp in _partitions(source)]
        await self.tasks.open_all(every)
        for source in self._selection.sources:
            self._start_agents(source.name)
        pumps = {tp: self._spawn(self._pump(tp)) for tp in self._journal.logs}
        await self._read(consumer, read)
        for source in self._selection.sources:
            tps = _partitions(source)
            # The tables that write these partitions have finished.
            for tp in tps:
                if tp in pumps:
                    self._journal.logs[tp].finish()
                    await pumps[tp]
            await self._finish(source, tps)

    async def _finish(self, source: Topic, tps: Sequence[TopicPartition]) -> None:
        """Wait until a stage has written all its outputs, then close its tasks."""
        for feed in self._feeds[source.name]:
            await feed.worked_off()
        await self.tasks.settle(tps)
        for tp in tps:
            task = self.tasks.running(tp)
            for state in () if task is None else task.states:
                meta, windows = state.meta, isinstance(state.table, WindowTable)
                if meta.stream_time >= 0:
                    until = meta.finalised if windows else meta.stream_time
                    self.finalised[state.table.name, tp.partition] = until
        await self.tasks.revoke(tps)

    # -- agents

    def _start_agents(self, source: str) -> None:
        agents = [
            agent
            for agent in self._app.agents.values()
            if source in getattr(agent.channel, "topics", ())
        ]
        if not agents:
            raise ReplayError(f"no agent folds {source}: is its module imported?")
        self._feeds[source] = [Feed() for _ in agents]
        for agent, feed in zip(agents, self._feeds[source], strict=True):
            self._spawn(self._run(agent, feed))

    async def _run(self, agent: Any, feed: Feed) -> None:
        try:
            running = agent.fun(feed)
            if asyncio.iscoroutine(running):
                await running
            else:
                async for _ in running:
                    pass  # yielded values are for sinks, which are not replayed
            self.tasks.fail(ReplayError(f"agent {agent.name} has ended: it takes no more batches"))
        except Exception as error:  # noqa: BLE001  # a user's function may raise anything
            self.tasks.fail(ReplayError(f"agent {agent.name} raised {told(error)}"))

    def _spawn(self, coroutine: Any) -> asyncio.Task[None]:
        task = asyncio.ensure_future(coroutine)
        self._running.append(task)
        return task

    # -- records

    async def _read(self, consumer: AIOKafkaConsumer, read: Callable[[History], None]) -> None:
        """Read the histories to their ends."""
        open_ones = {tp: each for tp, each in self._histories.items() if not each.done}
        consumer.assign(list(open_ones))
        for tp, history in open_ones.items():
            consumer.seek(tp, history.begin)
        while open_ones:
            fetched = await consumer.getmany(
                *open_ones, timeout_ms=200, max_records=self._conf.max_poll_records
            )
            for tp, records in fetched.items():
                await self._deliver(open_ones[tp], records)
                read(open_ones[tp])
            for tp, history in list(open_ones.items()):
                # A transaction ends in a marker, which is no record.
                at_end = await consumer.position(tp) >= history.end
                if at_end or history.done:
                    consumer.pause(tp)
                    del open_ones[tp]

    async def _deliver(self, history: History, records: list[Any]) -> None:
        if records[-1].offset >= history.end:
            records = [record for record in records if record.offset < history.end]
        if records:
            # Before folding: the outputs of the batch are placed by this history.
            batch = self._batch(history.tp, records)
            history.see(batch)
            await self._fold(batch)

    async def _pump(self, tp: TopicPartition) -> None:
        """Deliver the records of an internal topic to its agents."""
        async for records in self._journal.logs[tp].batches():
            await self._fold(self._batch(tp, records))

    def _batch(self, tp: TopicPartition, records: Sequence[Any]) -> Batch:
        task = self.tasks.running(tp)
        if task is None:
            raise ReplayError(f"{tp.topic}-{tp.partition} is not open any more")
        batch = Batch(task, records, task.next_offset)
        task.next_offset = batch.end
        return batch

    async def _fold(self, batch: Batch) -> None:
        for feed in self._feeds[batch.task.source]:
            await feed.put(batch)


def _partitions(source: Topic) -> list[TopicPartition]:
    return [TopicPartition(source.name, number) for number in range(source.partition_count())]


async def _end(running: list[asyncio.Future[Any]]) -> None:
    for each in running:
        each.cancel()
    for each in running:
        with suppress(asyncio.CancelledError, Exception):
            await each
