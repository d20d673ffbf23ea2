"""Worker of a driver: tasks, agents and a data directory."""

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

    from eventfold.engine.partition import PartitionState
    from eventfold.engine.task import Task
    from eventfold.settings import Settings
    from eventfold.testing.environment import Agent, Environment


class WorkerTasks(Tasks):
    """Tasks of a worker, which report to the driver errors that no injected fault explains."""

    def __init__(self, conf: Settings, directory: Path, errors: list[BaseException]) -> None:
        super().__init__(conf, directory)
        self._errors = errors

    async def _lose(self, task: Task, error: BaseException) -> None:
        # Reopening the task finds the record whose row can't be written.
        if not isinstance(error, (*EXPECTED, UnwritableError)):
            self._errors.append(error)
        await super()._lose(task, error)

    def next_phase(self) -> float:
        """Return 1.0: tasks checkpoint a whole interval after they opened, as tests expect."""
        return 1.0

    async def crash(self, reason: BaseException) -> None:
        """Report the reason to the driver instead of stopping the process."""
        self._errors.append(reason)


class Worker:
    """Simulated process in the group: to tasks and agents it looks like a real one."""

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

    # -- life cycle

    def start(self) -> None:
        """Start the agents."""
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
        """Start a coroutine that belongs to this worker."""
        return self.environment.loop.spawn(self.name, coroutine)

    async def open(self) -> None:
        """Open the tasks of the assigned partitions."""
        self._had = self.assigned
        self.tasks.assign(self._had, self.environment.group.generation)
        self.tasks.on_flow_open()

    async def revoke(self) -> None:
        """Close all tasks, each with a last checkpoint."""
        # The last assignment it knows, which is outdated if the worker was frozen meanwhile.
        await self.tasks.revoke(self._had)
        self._had = []
        self._active.clear()

    def kill(self) -> None:
        """End at once; work that is not committed is lost."""
        self.environment.loop.kill(self.name)
        for table in self.environment.tables:
            for state in table.open_states():
                if state.store in self.journal.stores:
                    table.close(state)
        self.journal.close_stores()

    # -- work

    @property
    def assigned(self) -> list[TopicPartition]:
        """The partitions that the group assigns to this worker."""
        return self.environment.group.assignment.get(self.name, [])

    @property
    def states(self) -> list[PartitionState]:
        """The state of each table in each partition whose task runs on this worker."""
        tasks = (self.tasks.running(tp) for tp in self.assigned)
        return [state for task in tasks if task is not None for state in task.states]

    def fetch(self) -> int:
        """Deliver a batch of each partition that has records; return the number of batches."""
        delivered = 0
        for tp in sorted(self._active):
            task, feeds = self.tasks.running(tp), self._feeds[tp.topic]
            if task is None or task.next_offset is None or task.backpressured:
                continue
            if any(feed.full for feed in feeds):
                continue
            # As a broker rejects a fetch with the id of a deleted topic.
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
        """Whether work is under way: an opening, a batch, a transaction, a recovery."""
        running = [self.tasks.running(tp) for tp in self.assigned]
        return (
            any(task is None or task.failure is not None for task in running)
            or self.journal.in_flight > 0
            or not all(feed.idle for feeds in self._feeds.values() for feed in feeds)
        )

    def has_to_write(self) -> bool:
        """Return whether a checkpoint has something to write, now or later."""
        return any(state.dirty or state.behind or state.unpublished for state in self.states)

    def has_to_write_by(self, now: float) -> bool:
        """Return whether a checkpoint at `now` (s) has something to write."""
        return any(state.dirty or state.publication_due(now) for state in self.states)

    # -- source port of the tasks

    async def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """Return the group's committed offset and its metadata; None without one."""
        return self.environment.kafka.committed.get(tp)

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return 0 and the end offset: the driver's topics have no retention."""
        return 0, self.environment.kafka.log(*tp).end

    async def topic_id(self, topic: str) -> str:
        """Return the id of a topic."""
        return self.environment.kafka.topic_id(topic)

    async def fetched(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return 0, as no fetcher has a position here, and the end offset."""
        return {tp: (0, self.environment.kafka.log(*tp).end) for tp in tps}

    async def seek(self, tp: TopicPartition, offset: int) -> None:
        """Do nothing: delivery follows the task's own offset."""

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Start the delivery of the partition's records, or stop it."""
        if active:
            self._active.add(tp)
        else:
            self._active.discard(tp)

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Return whether the partition is assigned to this worker in this generation."""
        return generation == self.environment.group.generation and tp in self.assigned
