"""All tasks of this worker: opened when a partition is assigned, closed when it is revoked."""

import asyncio
import logging
import traceback
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from aiokafka import TopicPartition
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
    describe_error,
    in_words,
)
from eventfold.engine.journal import Journal, KafkaJournal
from eventfold.engine.progress import Progress
from eventfold.engine.rows import UnreadableRowError
from eventfold.engine.source import Source
from eventfold.engine.standby import Standbys
from eventfold.engine.store import DamagedStoreError, StoreError, wipe
from eventfold.engine.table import StateTable
from eventfold.engine.task import State, Task
from eventfold.engine.uncommitted import Uncommitted
from eventfold.engine.unwritable import Unwritable
from eventfold.kafka.clients.connections import cancel_requests
from eventfold.native import extension
from eventfold.settings import Settings
from eventfold.telemetry import logs
from eventfold.topics import BoundTopic
from eventfold.windows.panes import BEFORE_ALL

logger = logging.getLogger(__name__)

#: Attempts at a batch before the worker stops: an agent's database may have been briefly away.
ATTEMPTS = 3

#: Fraction of an interval by which a task's checkpoints come after those of the task opened before
#: it. Its multiples spread any number of tasks evenly over the interval (the golden ratio's
#: additive sequence: Knuth, TAOCP 3, 6.4, theorem S).
PHASE = (5**0.5 - 1) / 2

#: Errors that no restart of a task repairs: the worker stops.
HOPELESS = (TaskError, OtherHistoryError, UnreadableRowError, StoreError)


class Tasks(Service):
    """Service that opens and closes tasks as partitions are assigned, and restarts failed ones."""

    abstract = False

    def __init__(self, conf: Settings, directory: Path) -> None:
        super().__init__()
        self.conf = conf
        #: Native extension that folds candles in C; None for the pure-Python fallback.
        self.native = extension() if conf.native else None
        self.directory = directory
        self.journal: Journal = KafkaJournal(conf)
        self.clock: Clock = SystemClock()
        #: Source topics by name.
        self.topics: dict[str, BoundTopic] = {}
        #: Topics that services of this application write; tables declare their own.
        self.written_by_services: list[BoundTopic] = []
        self._by_source: dict[str, list[StateTable]] = {}
        #: Definitions that are committed with offsets, and checked against those of other workers.
        self.definitions = Definitions(conf, self._by_source)
        self._changelogs: set[str] = set()
        self._by_partition: dict[TopicPartition, Task] = {}
        self._assigned: set[TopicPartition] | None = None
        self._generation = -1
        self._flow_open = asyncio.Event()
        self._stopping = False
        self.standbys = Standbys(conf, self._by_source, self.store_path, self.give_up)
        self.uncommitted = Uncommitted(conf.uncommitted_bytes)
        #: End offset of the batch that failed last, and how often in a row one failed.
        self._failed_at: dict[TopicPartition, tuple[int, int]] = {}
        #: Records whose rows can't be written.
        self.unwritable = Unwritable()
        self._phases = count(1)
        #: Stores that were damaged and restored.
        self._damaged: set[Path] = set()
        self.source: Source

    def on_init_dependencies(self) -> list[ServiceT]:
        """Return the services that run as long as this one."""
        return [self.standbys]

    def next_phase(self) -> float:
        """Return the fraction of an interval before a task's first checkpoint; it varies."""
        return next(self._phases) * PHASE % 1

    # -- declarations

    def add_table(self, table: StateTable) -> None:
        """Fold `table` in the tasks of its source."""
        self.topics[table.source.name] = table.source
        self._by_source.setdefault(table.source.name, []).append(table)
        self._changelogs.add(table.changelog.name)

    def tables_of(self, source: str) -> list[StateTable]:
        """Return the tables folded from a source; the first reports decode errors."""
        return self._by_source.get(source, [])

    def writes(self, topic: str) -> bool:
        """Return whether a table of this application writes a topic: no other producer may then."""
        return any(topic == each.name for table in self.tables for each in table.topics)

    @property
    def tables(self) -> list[StateTable]:
        """All tables."""
        return [table for tables in self._by_source.values() for table in tables]

    def owns(self, topic: str) -> bool:
        """Return whether a topic's records are delivered to tasks, in batches."""
        return topic in self._by_source

    def reads(self, topic: str) -> bool:
        """Return whether only the engine reads a topic in this process (source or changelog)."""
        return self.owns(topic) or topic in self._changelogs

    def store_path(self, table: StateTable, partition: int) -> Path:
        """Return the path of the store of a table's partition."""
        return self.directory / f"{table.name}-{partition}"

    def wipe(self, table: StateTable) -> None:
        """Remove the local rows of a table."""
        for path in self.directory.glob(f"{table.name}-*"):
            wipe(path)

    # -- state

    @property
    def all(self) -> list[Task]:
        """Tasks of the partitions assigned to this worker, ordered by partition."""
        return [task for _, task in sorted(self._by_partition.items())]

    def running(self, tp: TopicPartition) -> Task | None:
        """Return the task that runs on a partition, or None."""
        task = self._by_partition.get(tp)
        return task if task is not None and task.state is State.RUNNING else None

    def ready(self, source: str | None = None) -> bool:
        """Return whether all assigned partitions (of a source) run; False before an assignment."""
        return self._assigned is not None and not self.pending(source)

    def pending(self, source: str | None = None) -> list[TopicPartition]:
        """Return the assigned partitions (of one source) whose task does not run yet."""
        return sorted(
            tp
            for tp in self._assigned or ()
            if source in (None, tp.topic) and self.running(tp) is None
        )

    def restoring(self, table: StateTable) -> list[Progress]:
        """Return the restores of a table's partitions that are under way."""
        running = (task.restoring for task in self._by_partition.values())
        return [each for each in running if each is not None and each.table == table.name]

    # -- rebalancing

    def assign(
        self,
        partitions: Iterable[TopicPartition],
        generation: int,
        standbys: Iterable[TopicPartition] = (),
    ) -> None:
        """Open a task a partition, in the background: no heartbeat is sent meanwhile."""
        if self._stopping:
            return  # an assignment may come while the worker stops
        self._generation = generation
        self._flow_open.clear()
        self._assigned = {tp for tp in partitions if self.owns(tp.topic)}
        self.standbys.follow(set(standbys) - self._assigned)
        for tp in sorted(self._assigned):
            self._spawn(tp, generation)

    async def flow_open(self, generation: int) -> None:
        """Wait until Faust has resumed the flow for this generation, or a newer one begins."""
        while self._generation == generation and not self._flow_open.is_set():
            await self._flow_open.wait()

    def on_flow_open(self) -> None:
        """Allow tasks to seek and fold: Faust has cleared its queues and delivers from now on."""
        self._flow_open.set()

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Close the tasks of these partitions, each with a last checkpoint."""
        tasks = [task for tp in list(partitions) if (task := self._by_partition.pop(tp, None))]
        self._assigned = None if self._assigned is None else self._assigned - set(partitions)
        await asyncio.gather(*(task.close(last_checkpoint=True) for task in tasks))

    async def stop_all(self) -> None:
        """Close all tasks, because the worker leaves."""
        self._stopping = True
        await self.revoke(list(self._by_partition))

    def _spawn(self, tp: TopicPartition, generation: int) -> None:
        task = self._by_partition[tp] = Task(self, tp.topic, tp.partition, generation)
        task.runner = self.add_future(self._drive(task))

    async def _drive(self, task: Task) -> None:
        """Open and run a task; open it again if it fails while its partition is assigned here."""
        logs.about(task.facts)
        try:
            await task.open()
            self.source.deliver(task.tp, active=True)
            await task.run()
        except asyncio.CancelledError as error:
            if task.ending or self._stopping or cancel_requests():
                raise
            # A client cancelled something of its own, and the cancellation reached us.
            await self._lose(task, error)
        except Exception as error:  # noqa: BLE001  # the broker may answer anything
            if not (task.ending or self._stopping):
                await self._mend(task, error)

    async def _mend(self, task: Task, error: Exception) -> None:
        """Recover from an error of a task, or stop the worker if no restart would help."""
        if isinstance(error, DamagedStoreError):
            await self._restore(task, error)
        elif isinstance(error, FORBIDDEN):
            await self._give_up(
                task, TaskError(f"{task.name}: the broker forbids it: {describe_error(error)}")
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
        """Restore a damaged store from the changelog, once; the second time, stop the worker."""
        if error.path in self._damaged:
            await self._give_up(
                task, TaskError(f"{error}, again after it was restored: is its disk sound?")
            )
            return
        self._damaged.add(error.path)
        logger.error("%s: it is restored from the changelog", error)
        # RocksDB keeps the store open while any frame of the traceback refers to an iterator.
        for each in (error, error.__cause__):
            traceback.clear_frames(each.__traceback__ if each else None)
        await self._reopen(task, wiping=error.path)

    async def _fetch_again(self, task: Task, error: BatchError) -> None:
        """Fetch a batch again from the last checkpoint; stop the worker after ATTEMPTS."""
        end, times = self._failed_at.get(task.tp, (BEFORE_ALL, 0))
        # The next batch may have other bounds: it is progress if it begins after the failed one.
        times = times + 1 if error.begin < end else 1
        self._failed_at[task.tp] = error.end, times
        if times < ATTEMPTS:
            await self._lose(task, error)
        else:
            await self._give_up(task, TaskError(f"{error}; that was attempt {times} of {ATTEMPTS}"))

    async def _reopen(self, task: Task, wiping: Path | None = None) -> None:
        """Close a task, and open it again if its partition is still assigned to this worker."""
        # A task that was fenced may have lost its partition, but one that is never opened again
        # stalls it forever: after more than one heartbeat the assignment is known.
        self.source.deliver(task.tp, active=False)
        await task.close(last_checkpoint=False)
        end, times = self._failed_at.get(task.tp, (BEFORE_ALL, 0))
        if task.committed == end:
            # The failed batch is committed and does not come again: the next one is the next
            # attempt.
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
        # Errors from now on follow from this one.
        self._stopping = True
        logger.critical("%s", error)
        await self.crash(error)

    async def crash(self, reason: BaseException) -> None:
        """Stop the worker: the reason is the last line of its log, its exit code is 1."""
        await super().crash(SystemExit(str(reason)))
