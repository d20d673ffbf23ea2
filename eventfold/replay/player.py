"""Player: run the real agents over history, batch by batch, in the order of Kafka's timestamps.

Nothing is written to Kafka. Rows stay in stores of the replay's own, outputs go to the comparison
and to the tables that are folded from them. A checkpoint follows each batch: the order of the
records of an internal topic is that of the checkpoints, so none may depend on how long anything
takes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition

from eventfold.engine.errors import UnwritableError, describe_error, in_words
from eventfold.engine.table import outputs_of
from eventfold.engine.tasks import Tasks
from eventfold.engine.window_table import WindowTable
from eventfold.harness.journal import MemoryJournal
from eventfold.harness.kafka import MemoryKafka
from eventfold.harness.worker import Environment, Worker, agents_of
from eventfold.replay.order import ReplayClock, batches
from eventfold.replay.selection import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from aiokafka import AIOKafkaConsumer

    from eventfold.engine.clock import Clock
    from eventfold.engine.task import Task
    from eventfold.harness.kafka import Writes
    from eventfold.harness.worker import Agent, Application
    from eventfold.replay.history import History
    from eventfold.replay.selection import Selection
    from eventfold.settings import Settings

#: Name of the only worker.
WORKER = "replay"

#: Turns of the event loop that a checkpoint or the folding of a batch usually takes at most, and
#: seconds between two polls of the worker's state after that many.
TURNS = 20
POLL = 0.001


class ReplayKafka(MemoryKafka):
    """Broker that passes outputs on, and keeps the unread records of internal topics only."""

    def __init__(
        self,
        selection: Selection,
        conf: Settings,
        clock: Clock,
        put: Callable[[str, int, Writes], None],
    ) -> None:
        super().__init__(clock)
        self._internal = selection.internal
        self._outputs = outputs_of(selection.tables, conf)
        self._put = put

    def commit(self, name: str) -> dict[TopicPartition, int]:
        """Commit a pending transaction; return the offset behind the last record of each log."""
        reached = {}
        for tp, records in self.take_pending(name).writes.items():
            log = self.log(*tp)
            if tp.topic in self._outputs:
                self._put(tp.topic, tp.partition, records)
            if tp.topic in self._internal:
                for record in records:
                    log.append(self.clock.time(), *record)
            else:
                log.skip(len(records))
            reached[tp] = log.end
        return reached


class ReplayTasks(Tasks):
    """Tasks that end a replay at the first error, from which a worker would recover."""

    def __init__(
        self, conf: Settings, directory: Path, fail: Callable[[ReplayError], None]
    ) -> None:
        super().__init__(conf, directory)
        self._fail = fail

    async def _mend(self, task: Task, error: Exception) -> None:
        why = in_words(error)
        if isinstance(error, UnwritableError):
            why = f"{error}; live left out the record that made it so, which a replay can't"
        self._fail(ReplayError(f"{task.name}: {why}"))

    async def crash(self, reason: BaseException) -> None:
        """End the replay instead of the process."""
        self._fail(ReplayError(str(reason)))


class Player:
    """One replay: its worker, and the records that its agents get."""

    def __init__(
        self,
        app: Application,
        selection: Selection,
        histories: Mapping[TopicPartition, History],
        *,
        put: Callable[[str, int, Writes], None],
        conf: Settings,
        directory: Path,
    ) -> None:
        self._app = app
        self._histories = histories
        self._clock = ReplayClock(conf.checkpoint_interval)
        self._kafka = ReplayKafka(selection, conf, self._clock, put)
        for tp, history in histories.items():
            self._kafka.log(*tp).start_at(history.begin)
        self._running: list[asyncio.Task[Any]] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sources = selection.sources
        environment = Environment(
            app=app,
            conf=conf,
            tables=selection.tables,
            agents=agents_of(app, [source.name for source in sources], ReplayError),
            clock=self._clock,
            kafka=self._kafka,
            batch=conf.max_poll_records,
            spawn=self._spawn,
            report=self._report,
            error=ReplayError,
        )
        tps = [
            TopicPartition(each.name, n) for each in sources for n in range(each.partition_count())
        ]
        environment.group.next({WORKER: tps})
        tasks = ReplayTasks(conf, directory, self._fail)
        self.worker = Worker(WORKER, tasks, environment, MemoryJournal(self._kafka, 0))
        #: Time (ms) up to which results are final, by table and partition.
        self.finalised: dict[tuple[str, int], int] = {}

    async def play(self, consumer: AIOKafkaConsumer, read: Callable[[History], None]) -> None:
        """Replay all histories; call `read` after each batch. Raises ReplayError."""
        original, self._app.tasks = self._app.tasks, self.worker.tasks
        playing = asyncio.ensure_future(self._play(consumer, read))
        try:
            await asyncio.wait({playing, self._failed}, return_when="FIRST_COMPLETED")
            if self._failed.done():
                self._failed.result()
            await playing
        finally:
            await _end([playing, *self._running])
            self._failed.cancel()
            await self.worker.tasks.stop_all()
            self._clock.tick()  # the closed tasks wake up, and end
            self._app.tasks = original

    async def _play(self, consumer: AIOKafkaConsumer, read: Callable[[History], None]) -> None:
        await self.open()
        size = self.worker.environment.batch
        async for history, records in batches(consumer, self._histories, size):
            await self._deliver(history, records)
            read(history)
        while self.worker.at_work or self.worker.has_to_write():
            await self._checkpoint()
        for state in self.worker.states:
            meta, windows = state.meta, isinstance(state.table, WindowTable)
            if meta.stream_time >= 0:
                until = meta.finalised if windows else meta.stream_time
                self.finalised[state.table.name, state.partition] = until
        await self.worker.revoke()

    async def open(self) -> None:
        """Open all tasks and start their agents."""
        self.worker.start()
        await self.worker.open()
        await _until(lambda: not self.worker.tasks.pending())

    # -- records

    async def _deliver(self, history: History, records: list[Any]) -> None:
        """Fold the next records of a history, and write a checkpoint."""
        while (task := self.worker.task_with_room(history.tp)) is None:
            await self._checkpoint()
        # The agents fold it later: the outputs of the batch are placed by this history.
        history.advance(self.worker.pass_on(task, records))
        await self._checkpoint()

    async def _checkpoint(self) -> None:
        """Write a checkpoint of each task, and fold what they have written to internal topics."""
        await _until(self._at_rest)
        self._clock.tick()
        await _until(self._at_rest)
        while self.worker.fetch():
            await _until(self._at_rest)
        for task in self.worker.tasks.all:
            if task.next_offset is not None and task.tp not in self._histories:
                self._kafka.log(*task.tp).start_at(task.next_offset)

    def _at_rest(self) -> bool:
        """Return whether all batches are folded, and all tasks await their next checkpoint."""
        return self.worker.idle and self._clock.sleepers == len(self.worker.assigned)

    # -- errors

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _report(self, agent: Agent, error: Exception) -> None:
        ours = isinstance(error, ReplayError)
        self._fail(
            error if ours else ReplayError(f"agent {agent.name} raised {describe_error(error)}")
        )

    def _spawn(self, _: str, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._running.append(task)
        return task


async def _until(holds: Callable[[], bool]) -> None:
    for turn in count():
        if holds():
            return
        await asyncio.sleep(0 if turn < TURNS else POLL)


async def _end(running: list[asyncio.Future[Any]]) -> None:
    for each in running:
        each.cancel()
    for each in running:
        with suppress(asyncio.CancelledError, Exception):
            await each
