"""All tasks of this worker: opened when a partition is assigned, closed when it is revoked."""

from __future__ import annotations

import asyncio
import logging
import traceback
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from mode import Service
from mode.types import ServiceT

from eventfold.engine import metrics
from eventfold.engine.checkpoint import FORBIDDEN
from eventfold.engine.clock import Clock, SystemClock
from eventfold.engine.definitions import Definitions
from eventfold.engine.errors import (
    BatchError,
    OtherHistoryError,
    TaskError,
    UnwritableError,
    in_words,
    told,
)
from eventfold.engine.journal import Journal, KafkaJournal
from eventfold.engine.rows import UnreadableRowError
from eventfold.engine.standby import Standbys
from eventfold.engine.store import DamagedStoreError, StoreError, wipe
from eventfold.engine.task import State, Task
from eventfold.engine.uncommitted import Uncommitted
from eventfold.engine.unwritable import Unwritable
from eventfold.kafka.clients import cancel_requests
from eventfold.native import extension
from eventfold.telemetry import logs
from eventfold.windows.panes import BEFORE_ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.settings import Settings
    from eventfold.engine.progress import Progress
    from eventfold.engine.table import StateTable
    from eventfold.topics import Topic

logger = logging.getLogger(__name__)

#: How often the same batch may fail before the worker stops: it may have been the agent's
#: database that was away for a moment.
ATTEMPTS = 3

#: By how much of an interval the checkpoints of a task come after those of the task opened before
#: it. Multiples of it, of whatever number of tasks, spread evenly over the interval (the golden
#: ratio's additive sequence: Knuth, TAOCP 3, 6.4, theorem S).
PHASE = (5**0.5 - 1) / 2

#: What no restart of a task mends: the worker stops.
HOPELESS = (TaskError, OtherHistoryError, UnreadableRowError, StoreError)


class Source(Protocol):
    """What tasks need of the consumer that fetches their records."""

    async def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """Give the group's committed offset, and what was said with it."""

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Give the first offset there is, and the one after the last."""

    async def topic_id(self, topic: str) -> str:
        """Return the id of a topic, which is fetched by no other from now on.

        The empty text where brokers have no ids. Raises KafkaError.
        """

    async def fetched(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Give the offset that each partition is fetched up to, and the one after its last."""

    async def seek(self, tp: TopicPartition, offset: int) -> None:
        """Fetch from this offset on."""

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Deliver the partition's records, or stop doing so."""

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Say whether the partition is ours, in the same generation, no rebalance under way."""


class Tasks(Service):
    """Opens and closes tasks as partitions come and go, and reopens those that failed."""

    abstract = False

    def __init__(self, conf: Settings, directory: Path) -> None:
        super().__init__()
        self.conf = conf
        #: What folds candles in C; None where the pure twin is to do it.
        self.native = extension() if conf.native else None
        self.directory = directory
        self.journal: Journal = KafkaJournal(conf)
        self.clock: Clock = SystemClock()
        #: Source topics by name.
        self.topics: dict[str, Topic] = {}
        #: Topics that services of this application write; tables name theirs themselves.
        self.written_by_services: list[Topic] = []
        self._by_source: dict[str, list[StateTable]] = {}
        #: What offsets are committed with, and compared by.
        self.definitions = Definitions(conf.app_id, self._by_source)
        self._changelogs: set[str] = set()
        self._by_partition: dict[TopicPartition, Task] = {}
        self._assigned: set[TopicPartition] | None = None
        self._generation = -1
        self._flow_open = asyncio.Event()
        self._stopping = False
        self.standbys = Standbys(self)
        self.uncommitted = Uncommitted(conf.uncommitted_bytes)
        #: Up to where batches failed, and how often in a row.
        self._failed_at: dict[TopicPartition, tuple[int, int]] = {}
        #: Records that made rows which can't be written.
        self.unwritable = Unwritable()
        self._phases = count(1)
        #: Stores that were damaged and restored.
        self._damaged: set[Path] = set()
        self.source: Source

    def on_init_dependencies(self) -> list[ServiceT]:
        """Give the services that run as long as this one."""
        return [self.standbys]

    def next_phase(self) -> float:
        """Give after what part of an interval a new task checkpoints: each at another time."""
        return next(self._phases) * PHASE % 1

    # -- declarations

    def add_table(self, table: StateTable) -> None:
        """Fold `table` in the tasks of its source."""
        self.topics[table.source.name] = table.source
        self._by_source.setdefault(table.source.name, []).append(table)
        self._changelogs.add(table.changelog.name)

    def tables_of(self, source: str) -> list[StateTable]:
        """Give the tables folded from a source; the first reports what can't be read."""
        return self._by_source.get(source, [])

    def writes(self, topic: str) -> bool:
        """Return whether a table of this application writes a topic: no producer does then."""
        return any(topic == each.name for table in self.tables for each in table.topics)

    @property
    def tables(self) -> list[StateTable]:
        """All tables."""
        return [table for tables in self._by_source.values() for table in tables]

    def owns(self, topic: str) -> bool:
        """Say whether a topic's records come in batches, to tasks."""
        return topic in self._by_source

    def reads(self, topic: str) -> bool:
        """Say whether only the engine reads a topic in this process: a source or a changelog."""
        return self.owns(topic) or topic in self._changelogs

    def store_path(self, table: StateTable, partition: int) -> Path:
        """Give where a partition of a table is stored."""
        return self.directory / f"{table.name}-{partition}"

    def wipe(self, table: StateTable) -> None:
        """Remove the local rows of a table."""
        for path in self.directory.glob(f"{table.name}-*"):
            wipe(path)

    # -- state

    @property
    def all(self) -> list[Task]:
        """The tasks of the partitions assigned to this worker, in their order."""
        return [task for _, task in sorted(self._by_partition.items())]

    def running(self, tp: TopicPartition) -> Task | None:
        """Give the task that runs on a partition, or None."""
        task = self._by_partition.get(tp)
        return task if task is not None and task.state is State.RUNNING else None

    def ready(self, source: str | None = None) -> bool:
        """Say whether all assigned partitions (of one source) run; False before there were any."""
        return self._assigned is not None and not self.pending(source)

    def pending(self, source: str | None = None) -> list[TopicPartition]:
        """Give the assigned partitions (of one source) whose task does not run yet."""
        return sorted(
            tp
            for tp in self._assigned or ()
            if source in (None, tp.topic) and self.running(tp) is None
        )

    def restoring(self, table: StateTable) -> list[Progress]:
        """Give the restores of a table's partitions that are under way."""
        running = (task.restoring for task in self._by_partition.values())
        return [each for each in running if each is not None and each.table == table.name]

    # -- rebalancing

    def assign(
        self,
        partitions: Iterable[TopicPartition],
        generation: int,
        standbys: Iterable[TopicPartition] = (),
    ) -> None:
        """Open a task for each partition, in the background: no heartbeat is sent meanwhile.

        `standbys` are the source partitions to stand by for.
        """
        if self._stopping:
            return  # an assignment may come while the worker stops
        self._generation = generation
        self._flow_open.clear()
        self._assigned = {tp for tp in partitions if self.owns(tp.topic)}
        self.standbys.follow(set(standbys) - self._assigned)
        for tp in sorted(self._assigned):
            self._spawn(tp, generation)

    async def flow_open(self, generation: int) -> None:
        """Wait until Faust resumed the flow for this generation."""
        while self._generation == generation and not self._flow_open.is_set():
            await self._flow_open.wait()

    def on_flow_open(self) -> None:
        """Faust has cleared its queues and delivers from now on: tasks may seek and fold."""
        self._flow_open.set()

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Close the tasks of these partitions, each with a last checkpoint."""
        tasks = [task for tp in list(partitions) if (task := self._by_partition.pop(tp, None))]
        self._assigned = None if self._assigned is None else self._assigned - set(partitions)
        await asyncio.gather(*(task.close(last_checkpoint=True) for task in tasks))

    async def stop_all(self) -> None:
        """Close all tasks: the worker leaves."""
        self._stopping = True
        await self.revoke(list(self._by_partition))

    def _spawn(self, tp: TopicPartition, generation: int) -> None:
        task = self._by_partition[tp] = Task(self, tp.topic, tp.partition, generation)
        task.runner = self.add_future(self._drive(task))

    async def _drive(self, task: Task) -> None:
        """Take a task through its life; open it again if it fails while it is ours."""
        logs.about(task.facts)
        try:
            await task.open()
            self.source.deliver(task.tp, active=True)
            await task.run()
        except asyncio.CancelledError as error:
            if task.ending or self._stopping or cancel_requests():
                raise
            # A client has cancelled something of its own, and told us so.
            await self._lose(task, error)
        except Exception as error:  # noqa: BLE001  # the broker may answer anything
            if not (task.ending or self._stopping):
                await self._mend(task, error)

    async def _mend(self, task: Task, error: Exception) -> None:
        """Do after an error of a task what can be done."""
        if isinstance(error, DamagedStoreError):
            await self._restore(task, error)
        elif isinstance(error, FORBIDDEN):
            await self._give_up(
                task, TaskError(f"{task.name}: the broker forbids it: {told(error)}")
            )
        elif isinstance(error, HOPELESS):
            await self._give_up(task, error)
        elif isinstance(error, UnwritableError) and self.unwritable.note(task.tp, error):
            await self._lose(task, error)
        elif isinstance(error, BatchError):
            await self._fetch_again(task, error)
        else:
            await self._lose(task, error)

    async def _lose(self, task: Task, error: BaseException) -> None:
        logger.warning("Task %s is lost: %s", task.name, in_words(error))
        await self._reopen(task)

    async def _restore(self, task: Task, error: DamagedStoreError) -> None:
        """Make a damaged store anew, once: the changelog has all of it."""
        if error.path in self._damaged:
            await self._give_up(
                task, TaskError(f"{error}, again after it was restored: is its disk sound?")
            )
            return
        self._damaged.add(error.path)
        logger.error("%s: it is restored from the changelog", error)
        # RocksDB keeps the store open while an iterator is left anywhere.
        for each in (error, error.__cause__):
            traceback.clear_frames(each.__traceback__ if each else None)
        await self._reopen(task, wiping=error.path)

    async def _fetch_again(self, task: Task, error: BatchError) -> None:
        """Let a batch come again from the last checkpoint, a few times."""
        end, times = self._failed_at.get(task.tp, (BEFORE_ALL, 0))
        # A batch may be cut otherwise the next time; behind the one that failed is progress.
        times = times + 1 if error.begin < end else 1
        self._failed_at[task.tp] = error.end, times
        if times < ATTEMPTS:
            await self._lose(task, error)
        else:
            await self._give_up(task, TaskError(f"{error}; that was attempt {times} of {ATTEMPTS}"))

    async def _reopen(self, task: Task, wiping: Path | None = None) -> None:
        """A task that nobody reopens stalls its partition for ever.

        Fenced means that another worker has the partition, or had it: after more than one
        heartbeat we know whether it is still ours.
        """
        self.source.deliver(task.tp, active=False)
        await task.close(last_checkpoint=False)
        end, times = self._failed_at.get(task.tp, (BEFORE_ALL, 0))
        if task.committed == end:
            # The batch that failed does not come again: the one behind it is the next attempt.
            self._failed_at[task.tp] = end + 1, times
        if wiping is not None:
            wipe(wiping)
        await self.sleep(2 * self.conf.heartbeat_interval + 1)
        if self._by_partition.get(task.tp) is task and self.source.still_assigned(
            task.tp, task.generation
        ):
            logger.info("Task %s is opened again", task.name)
            metrics.reopened.labels(task.source).inc()
            self._spawn(task.tp, task.generation)

    async def _give_up(self, task: Task, error: Exception) -> None:
        await task.close(last_checkpoint=False)
        await self.give_up(error)

    async def give_up(self, error: Exception) -> None:
        """Stop the worker, with this reason."""
        if self._stopping:
            return
        # What fails from now on fails because of that.
        self._stopping = True
        logger.critical("%s", error)
        await self.crash(error)

    async def crash(self, reason: BaseException) -> None:
        """Stop the worker: the reason is the last line of its log, its exit code 1."""
        await super().crash(SystemExit(str(reason)))
