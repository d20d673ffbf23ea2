"""Player: run the real agents over history, batch by batch, in the order of each partition.

Nothing is written to Kafka. Rows stay in stores of the replay's own, outputs go to the comparison
and to the tables that are folded from them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka import TopicPartition

from eventfold.engine.clock import SystemClock
from eventfold.engine.errors import UnwritableError, in_words, told
from eventfold.engine.table import outputs_of
from eventfold.engine.tasks import Tasks
from eventfold.engine.window_table import WindowTable
from eventfold.harness.journal import MemoryJournal
from eventfold.harness.kafka import MemoryKafka
from eventfold.harness.worker import Environment, Worker, agents_of
from eventfold.replay.selection import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from aiokafka import AIOKafkaConsumer

    from eventfold.engine.task import Task
    from eventfold.harness.kafka import Writes
    from eventfold.harness.worker import Agent, Application
    from eventfold.replay.history import History
    from eventfold.replay.selection import Selection
    from eventfold.settings import Settings

T = TypeVar("T")

#: Name of the only worker.
WORKER = "replay"

#: Seconds between two polls of the worker's state, and of all logs of internal topics.
POLL = 0.001
POLL_LOGS = 0.01


class ReplayKafka(MemoryKafka):
    """Broker that passes outputs on, and keeps the unread records of internal topics only."""

    def __init__(self, selection: Selection, put: Callable[[str, int, Writes], None]) -> None:
        super().__init__(SystemClock())
        self._internal = selection.internal
        self._outputs = outputs_of(selection.tables)
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

    def next_phase(self) -> float:
        """Return 1.0: what is read at once is then in one checkpoint, of all tasks in order."""
        return 1.0

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
        self._kafka = ReplayKafka(selection, put)
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
            clock=self._kafka.clock,
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
            self._app.tasks = original

    async def _play(self, consumer: AIOKafkaConsumer, read: Callable[[History], None]) -> None:
        await self.open()
        self._spawn(WORKER, self._pass_internal_on())
        await self._read(consumer, read)
        await _until(self._has_finished)
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

    async def _pass_internal_on(self) -> None:
        """Deliver the records of internal topics as they are committed."""
        while True:
            delivered = self.worker.fetch()
            for task in self.worker.tasks.all if delivered else ():
                if task.next_offset is not None and task.tp not in self._histories:
                    self._kafka.log(*task.tp).start_at(task.next_offset)
            await asyncio.sleep(0 if delivered else POLL_LOGS)

    def _has_finished(self) -> bool:
        worker = self.worker
        return worker.fetch() == 0 and not worker.at_work and not worker.has_to_write()

    # -- errors

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _report(self, agent: Agent, error: Exception) -> None:
        ours = isinstance(error, ReplayError)
        self._fail(error if ours else ReplayError(f"agent {agent.name} raised {told(error)}"))

    def _spawn(self, _: str, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine)
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
                *open_ones, timeout_ms=200, max_records=self.worker.environment.batch
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
            task = await _until(partial(self.worker.task_with_room, history.tp))
            # The agents fold it later: the outputs of the batch are placed by this history.
            history.advance(self.worker.pass_on(task, records))


async def _until(found: Callable[[], T | None]) -> T:
    """Wait until a call returns something true, and return it."""
    pause = 0.0
    while not (result := found()):
        # One turn is often enough: in it an agent folds all batches that wait.
        await asyncio.sleep(pause)
        pause = POLL
    return result


async def _end(running: list[asyncio.Future[Any]]) -> None:
    for each in running:
        each.cancel()
    for each in running:
        with suppress(asyncio.CancelledError, Exception):
            await each
