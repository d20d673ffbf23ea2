"""One worker of a driver: its tasks, its agents, its data directory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from eventfold.engine.batch import Batch
from eventfold.engine.errors import UnwritableError
from eventfold.engine.tasks import Tasks
from eventfold.testing.errors import DriverError
from eventfold.testing.feed import Feed
from eventfold.testing.journal import EXPECTED, MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from pathlib import Path

    from aiokafka import TopicPartition
    from aiokafka.structs import OffsetAndMetadata

    from app.settings import Settings
    from eventfold.engine.partition import PartitionState
    from eventfold.engine.task import Task
    from eventfold.testing.environment import Agent, Environment


class WorkerTasks(Tasks):
    """The tasks of a worker, which tell the driver what no injected fault explains."""

    def __init__(self, conf: Settings, directory: Path, errors: list[BaseException]) -> None:
        super().__init__(conf, directory)
        self._errors = errors

    async def _lose(self, task: Task, error: BaseException) -> None:
        # A record whose row can't be written is found by opening the task again.
        if not isinstance(error, (*EXPECTED, UnwritableError)):
            self._errors.append(error)
        await super()._lose(task, error)

    def next_phase(self) -> float:
        """Let all tasks checkpoint a whole interval after they opened: tests count on it."""
        return 1.0

    async def crash(self, reason: BaseException) -> None:
        """Tell the driver, instead of stopping a process."""
        self._errors.append(reason)


class Worker:
    """A process that takes part in the group, as far as tasks and agents can tell."""

    def __init__(self, name: str, directory: Path, environment: Environment) -> None:
        self.name = name
        self.directory = directory
        self.environment = environment
        self.frozen = False
        self.journal = MemoryJournal(environment.kafka, environment.commit_time)
        self.tasks = WorkerTasks(environment.conf, directory, environment.loop.errors)
        self.tasks.journal = self.journal
        self.tasks.clock = environment.clock
        self.tasks.source = self
        for table in environment.tables:
            self.tasks.add_table(table)
        self._had: list[TopicPartition] = []
        self._active: set[TopicPartition] = set()
        self._feeds: dict[str, list[Feed]] = {}

    # -- its life

    def start(self) -> None:
        """Begin to run the agents."""
        for topic, agents in self.environment.agents.items():
            self._feeds[topic] = [Feed() for _ in agents]
            for agent, feed in zip(agents, self._feeds[topic], strict=True):
                self.spawn(self._run(agent, feed))

    async def _run(self, agent: Agent, feed: Feed) -> None:
        try:
            running = agent.fun(feed)
            if asyncio.iscoroutine(running):
                await running
                what = "has ended: it gets no more batches"
            else:
                what = "yields: a driver has no sinks"
            self.environment.loop.errors.append(DriverError(f"agent {agent.name} {what}"))
        except Exception as error:  # noqa: BLE001  # a user's function may raise anything
            self.environment.loop.errors.append(error)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin a coroutine of this process."""
        return self.environment.loop.spawn(self.name, coroutine)

    async def open(self) -> None:
        """Open the tasks of the partitions that the group gives it."""
        self._had = self.assigned
        self.tasks.assign(self._had, self.environment.group.generation)
        self.tasks.on_flow_open()

    async def revoke(self) -> None:
        """Close all tasks, each with a last checkpoint."""
        # What it knows of, which is not the group's word any more if it was frozen meanwhile.
        await self.tasks.revoke(self._had)
        self._had = []
        self._active.clear()

    def kill(self) -> None:
        """End here and now; what is not committed is lost."""
        self.environment.loop.kill(self.name)
        for table in self.environment.tables:
            for state in table.open_states():
                if state.store in self.journal.stores:
                    table.close(state)
        self.journal.close_stores()

    # -- what it has to do

    @property
    def assigned(self) -> list[TopicPartition]:
        """The partitions that the group gives it."""
        return self.environment.group.assignment.get(self.name, [])

    @property
    def states(self) -> list[PartitionState]:
        """The state of each table in each partition that runs here."""
        tasks = (self.tasks.running(tp) for tp in self.assigned)
        return [state for task in tasks if task is not None for state in task.states]

    def fetch(self) -> int:
        """Deliver a batch of each partition that has one; give how many there were."""
        delivered = 0
        for tp in sorted(self._active):
            task, feeds = self.tasks.running(tp), self._feeds[tp.topic]
            if task is None or task.next_offset is None or task.backpressured:
                continue
            if any(feed.full for feed in feeds):
                continue
            # A broker refuses the id of a topic that is no more.
            task.check_source(self.environment.kafka.topic_id(tp.topic))
            log = self.environment.kafka.log(*tp)
            records = log.since(task.next_offset, self.environment.batch)
            if records:
                batch = Batch(task, records, task.next_offset)
                task.next_offset = records[-1].offset + 1
                for feed in feeds:
                    feed.put(batch)
                delivered += 1
        return delivered

    @property
    def at_work(self) -> bool:
        """Whether something is under way: an opening, a batch, a transaction, a failure."""
        running = [self.tasks.running(tp) for tp in self.assigned]
        return (
            any(task is None or task.failure is not None for task in running)
            or self.journal.in_flight > 0
            or not all(feed.idle for feeds in self._feeds.values() for feed in feeds)
        )

    def has_to_write(self) -> bool:
        """Say whether a checkpoint has something to write, now or later."""
        return any(state.dirty or state.behind or state.unpublished for state in self.states)

    def has_to_write_by(self, now: float) -> bool:
        """Say whether a checkpoint at `now` (s) has something to write."""
        return any(state.dirty or state.publication_due(now) for state in self.states)

    # -- the source of its tasks

    async def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """Give the group's committed offset, and what was said with it."""
        return self.environment.kafka.committed.get(tp)

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Give 0 and the end: topics are kept from the very first record on."""
        return 0, self.environment.kafka.log(*tp).end

    async def topic_id(self, topic: str) -> str:
        """Return the id of a topic."""
        return self.environment.kafka.topic_id(topic)

    async def fetched(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Give 0, since markers of transactions take no offsets here, and the end."""
        return {tp: (0, self.environment.kafka.log(*tp).end) for tp in tps}

    async def seek(self, tp: TopicPartition, offset: int) -> None:
        """Nothing to do: what is delivered follows the task's own offset."""

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Deliver the partition's records, or stop doing so."""
        if active:
            self._active.add(tp)
        else:
            self._active.discard(tp)

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Say whether the partition is ours, in the same generation."""
        return generation == self.environment.group.generation and tp in self.assigned
