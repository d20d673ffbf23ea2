"""Worker without a consumer group: tasks and agents, and the source port of the tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from eventfold.engine.batch import Batch
from eventfold.engine.clock import Clock
from eventfold.engine.partition import PartitionState
from eventfold.engine.table import StateTable
from eventfold.engine.task import Task
from eventfold.engine.tasks import Tasks
from eventfold.harness.journal import MemoryJournal
from eventfold.harness.kafka import MemoryKafka
from eventfold.settings import Settings

#: Batches that may wait for an agent.
BUFFERED_BATCHES = 8

#: Worker → its partitions.
Assignment = dict[str, list["TopicPartition"]]


class Agent(Protocol):
    """Interface that a worker needs of Faust's agents."""

    @property
    def name(self) -> str:
        """The agent's name in logs."""

    @property
    def fun(self) -> Callable[[Any], Any]:
        """The decorated function."""


class Application(Protocol):
    """Interface that a worker needs of an application (`eventfold.worker.app.App`)."""

    #: The tasks from which tables take the clock and the settings.
    tasks: Tasks

    @property
    def agents(self) -> Mapping[str, Any]:
        """Faust's agents by name."""


def agents_of(
    app: Application, sources: Iterable[str], error: type[Exception]
) -> dict[str, list[Agent]]:
    """Return the agents of each source topic. Raises `error` for a topic without one."""
    found = {}
    for source in sources:
        agents = [a for a in app.agents.values() if source in getattr(a.channel, "topics", ())]
        if not agents:
            raise error(f"no agent folds {source}: is its module imported?")
        found[source] = agents
    return found


class Group:
    """Present assignment of a group, and its generation."""

    def __init__(self) -> None:
        self.generation = 0
        self.assignment: Assignment = {}

    def next(self, assignment: Assignment) -> None:
        """Begin a new generation with this assignment."""
        self.generation += 1
        self.assignment = {name: sorted(tps) for name, tps in assignment.items()}


@dataclass
class Environment:
    """Everything that the workers of one group share."""

    app: Application
    conf: Settings
    tables: Sequence[StateTable]
    #: The agents of each source topic.
    agents: Mapping[str, Sequence[Agent]]
    clock: Clock
    kafka: MemoryKafka
    #: Most records of a batch.
    batch: int
    #: Starts a coroutine of the worker with this name.
    spawn: Callable[[str, Coroutine[Any, Any, Any]], asyncio.Task[Any]]
    #: Reports what an agent raised.
    report: Callable[[Agent, Exception], None]
    #: Type of the error of an application that can't run here.
    error: type[Exception]
    group: Group = field(default_factory=Group)


class Feed:
    """Queue of batches that an agent iterates over."""

    def __init__(self) -> None:
        self._batches: asyncio.Queue[Batch] = asyncio.Queue(BUFFERED_BATCHES)
        self._asked = False

    @property
    def full(self) -> bool:
        """Whether as many batches wait as are allowed."""
        return self._batches.full()

    @property
    def idle(self) -> bool:
        """Whether the agent has processed all batches and awaits the next one."""
        return self._asked and self._batches.empty()

    def put(self, batch: Batch) -> None:
        """Add a batch and wake the agent."""
        self._batches.put_nowait(batch)

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> Batch:
        self._asked = True
        try:
            return await self._batches.get()
        finally:
            self._asked = False


class Worker:
    """Member of the group in this process: to tasks and agents it looks like a real worker."""

    def __init__(
        self, name: str, tasks: Tasks, environment: Environment, journal: MemoryJournal
    ) -> None:
        self.name = name
        self.tasks = tasks
        self.environment = environment
        self.journal = journal
        tasks.journal = journal
        tasks.clock = environment.clock
        tasks.source = self
        for table in environment.tables:
            tasks.add_table(table)
        self._had: list[TopicPartition] = []
        self._active: set[TopicPartition] = set()
        self._feeds: dict[str, list[Feed]] = {}

    # -- life cycle

    def start(self) -> None:
        """Start the agents."""
        for topic, agents in self.environment.agents.items():
            self._feeds[topic] = [Feed() for _ in agents]
            for agent, feed in zip(agents, self._feeds[topic], strict=True):
                self.environment.spawn(self.name, self._run(agent, feed))

    async def _run(self, agent: Agent, feed: Feed) -> None:
        error = self.environment.error(f"agent {agent.name} has ended: it takes no more batches")
        try:
            running = agent.fun(feed)
            if asyncio.iscoroutine(running):
                await running
            else:
                async for _ in running:
                    pass  # yielded values are for sinks, which do not run here
        except Exception as raised:  # noqa: BLE001  # a user's function may raise anything
            error = raised
        self.environment.report(agent, error)

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

    def abandon(self) -> None:
        """Close the stores of a worker whose coroutines were cancelled, without a checkpoint."""
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

    def task_with_room(self, tp: TopicPartition) -> Task | None:
        """Return the task of a partition if it runs and its agents have room for a batch."""
        task = self.tasks.running(tp)
        if task is None or task.next_offset is None or task.backpressured:
            return None
        return None if any(feed.full for feed in self._feeds[tp.topic]) else task

    def pass_on(self, task: Task, records: Sequence[Any]) -> Batch:
        """Queue the next records of a task for its agents; return them as the batch."""
        batch = Batch(task, records, task.next_offset)
        task.next_offset = batch.end
        for feed in self._feeds[task.source]:
            feed.put(batch)
        return batch

    def fetch(self) -> int:
        """Deliver a batch of each partition that has records; return the number of batches."""
        kafka, delivered = self.environment.kafka, 0
        for tp in sorted(self._active):
            task = self.task_with_room(tp)
            if task is None:
                continue
            # As a broker rejects a fetch with the id of a deleted topic.
            task.check_source(kafka.topic_id(tp.topic))
            records = kafka.log(*tp).since(task.next_offset or 0, self.environment.batch)
            if records:
                self.pass_on(task, records)
                delivered += 1
        return delivered

    @property
    def idle(self) -> bool:
        """Whether the agents have processed all batches and await the next ones."""
        return all(feed.idle for feeds in self._feeds.values() for feed in feeds)

    @property
    def at_work(self) -> bool:
        """Whether work is under way: an opening, a batch, a transaction, a recovery."""
        running = [self.tasks.running(tp) for tp in self.assigned]
        return (
            any(task is None or task.failure is not None for task in running)
            or self.journal.in_flight > 0
            or not self.idle
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
        """Return the first offset that exists, and the end offset."""
        log = self.environment.kafka.log(*tp)
        return log.begin, log.end

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
