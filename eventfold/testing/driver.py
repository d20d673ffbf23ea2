"""Topology driver: real agents, tables, tasks and stores, topics in memory, a virtual clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import isasyncgenfunction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from aiokafka import TopicPartition

from eventfold.engine.definitions import Definitions
from eventfold.engine.store import wipe
from eventfold.harness.kafka import Headers, MemoryKafka, TopicRecord
from eventfold.harness.worker import Application, Environment, agents_of
from eventfold.testing.cluster import Cluster, DriverTasks, spread, whole
from eventfold.testing.errors import DriverError
from eventfold.testing.loop import VirtualClock, VirtualLoop
from eventfold.testing.topics import Topics
from eventfold.windows import milliseconds

if TYPE_CHECKING:
    from msgspec import Struct

    from eventfold.engine.table import StateTable
    from eventfold.harness.journal import Moment
    from eventfold.harness.worker import Agent
    from eventfold.topics import Topic

#: 2026-01-01T00:00:00Z.
START = 1_767_225_600_000

#: File system in memory: stores open ten times as fast there as on a disk.
MEMORY = Path("/dev/shm")  # noqa: S108  # of a directory of its own


class TopologyDriver:
    """Driver that runs an application's streams in this process, without a broker.

    Use it in `with`. Nothing happens by itself: `pipe` writes records, `run` makes agents fold
    them, `advance` moves the time, which fires checkpoints and publications, and `settle` does so
    until nothing is left to do. Output topics contain what was committed; tables answer queries as
    always. See docs/testing.md.

    `tables` are those that run, with the agents on their topics: all of the application if None.
    `partitions` limits the number of partitions of topics with TOPIC_PARTITIONS. `batch` is the
    most records an agent gets at once; it may be changed at any time. A transaction takes
    `commit_time` (ms, or text such as `50ms`), while folding continues. The clock begins at
    `start` (ms since the epoch). Workers keep their stores in `directory`, or in a temporary one
    if it is None.

    An error of an agent or a task is raised by the call in which it happened. Raises DriverError
    for impossible requests.
    """

    def __init__(
        self,
        app: Application,
        *,
        tables: Iterable[StateTable] | None = None,
        partitions: int | None = None,
        batch: int = 500,
        commit_time: int | str = 0,
        start: int = START,
        directory: Path | None = None,
    ) -> None:
        if isinstance(app.tasks, DriverTasks):
            raise DriverError("the application runs in another driver already")
        self._app = app
        self._original = app.tasks
        self._directory = directory
        self.clock = VirtualClock(start)
        self._kafka = MemoryKafka(self.clock)
        self._tables = _in_order(app.tasks.tables, tables)
        self._topics = Topics(self._tables, app.tasks.conf, partitions, self.clock, self._kafka)
        self._loop = VirtualLoop(self.clock)
        self._commit_time = milliseconds(commit_time) / 1000
        self._environment = Environment(
            app=app,
            conf=app.tasks.conf,
            tables=self._tables,
            agents=_agents(app, self._topics.numbers),
            clock=self.clock,
            kafka=self._kafka,
            batch=batch,
            spawn=self._loop.spawn,
            report=lambda _, error: self._loop.errors.append(error),
            error=DriverError,
        )

    def __enter__(self) -> Self:
        self._temporary = TemporaryDirectory(
            prefix="topology-", dir=MEMORY if MEMORY.is_dir() else None
        )
        root = self._directory or Path(self._temporary.name)
        self._cluster = Cluster(
            self._environment,
            root,
            clock=self.clock,
            loop=self._loop,
            commit_time=self._commit_time,
        )
        try:
            self.rebalance(["w1"])
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        try:
            self.kill()
            self._loop.close()
        finally:
            self._app.tasks = self._original
            self._temporary.cleanup()

    # -- records

    def pipe(
        self,
        topic: Topic,
        *records: Struct,
        partition: int | None = None,
        timestamp: int | None = None,
    ) -> list[TopicRecord]:
        """Write records to a source topic of a table; return them as stored.

        The key is the record's own. Without `partition`, Kafka's default partitioner (murmur2)
        chooses it by the key. Kafka's `timestamp` (ms) is the clock's time if None.

        Raises DriverError if no table reads the topic, for records of another type, for a missing
        partition, and for a timestamp that a broker would reject.
        """
        return self._topics.write(topic, records, partition, timestamp)

    def pipe_raw(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: Headers = (),
        partition: int | None = None,
        timestamp: int | None = None,
    ) -> TopicRecord:
        """Write one record of arbitrary bytes as `pipe` does; return it as stored."""
        return self._topics.write_raw(
            topic, key, value, headers=headers, partition=partition, timestamp=timestamp
        )

    def read(self, topic: Topic) -> list[Any]:
        """Return the values committed to a topic since the last `read` of it, decoded."""
        return self._topics.new_values(topic)

    def topic(self, topic: Topic) -> list[Any]:
        """Return all values committed to a topic, decoded."""
        return self._topics.values(topic)

    def records(self, topic: Topic) -> list[TopicRecord]:
        """Return all records committed to a topic, as bytes with partition, offset and headers."""
        return self._topics.records(topic)

    def remake(self, topic: Topic | str) -> None:
        """Delete a topic, such as a source or a changelog, and create it again, empty.

        It has another id then, as on a broker: tasks don't mistake its records for those of the
        deleted topic.
        """
        self._kafka.remake(self._topic_name(topic))

    # -- time

    @property
    def now(self) -> int:
        """The clock's time (ms since the epoch)."""
        return self.clock.time()

    @property
    def batch(self) -> int:
        """The most records an agent gets at once."""
        return self._environment.batch

    @batch.setter
    def batch(self, records: int) -> None:
        self._environment.batch = records

    def run(self) -> None:
        """Run agents until they have folded all records. No time passes, so no timer fires."""
        self._cluster.run()

    def advance(self, duration: int | str) -> None:
        """Advance the clock by `duration` (ms, or text such as `1s`) and fire the timers due."""
        self._cluster.advance(milliseconds(duration))

    def settle(self) -> None:
        """Advance the clock until every stage has folded, committed and published everything."""
        self._cluster.settle()

    # -- workers

    @property
    def assignment(self) -> dict[str, list[TopicPartition]]:
        """The partitions of each worker."""
        return dict(self._environment.group.assignment)

    def rebalance(self, workers: Mapping[str, Iterable[int]] | Iterable[str]) -> None:
        """Reassign the partitions: by a mapping of worker to their numbers, or evenly over workers.

        All tasks of all workers close, with a last checkpoint. New workers join; one that ran
        before has the stores that it left. Workers that are not named leave.

        Raises DriverError for a frozen worker, and unless each partition gets one worker.
        """
        numbers = self._topics.numbers
        if isinstance(workers, Mapping):
            self._cluster.assign(whole(workers, numbers))
        else:
            self._cluster.assign(spread(workers, numbers))

    def restart(self, *workers: str, app: Application | None = None) -> None:
        """Shut workers down cleanly, all if none is named, and start them again.

        With `app` all are started with another declaration of the application: the same tables and
        topics, with other settings. Raises TaskError if the application can't change to it.
        """
        assignment = self.assignment
        if app is not None and workers:
            raise DriverError("all workers of an application have the same settings")
        self._cluster.stop(self._cluster.named(workers))
        if app is not None:
            self._become(app)
        self._cluster.assign(assignment)

    def _become(self, app: Application) -> None:
        """Use another declaration of the application for the workers that start from now on."""
        environment = self._environment
        environment.app.tasks = self._original
        if isinstance(app.tasks, DriverTasks):
            raise DriverError("the application runs in another driver already")
        names = {table.name for table in self._tables}
        tables = [table for table in app.tasks.tables if table.name in names]
        by_source = {
            source: [table for table in tables if table.source.name == source]
            for source in self._topics.numbers
        }
        definitions = Definitions(app.tasks.conf, by_source)
        self._kafka.committed |= definitions.changed(self._kafka.committed)
        self._app, self._original, self._tables = app, app.tasks, tables
        environment.app, environment.conf, environment.tables = app, app.tasks.conf, tables
        environment.agents = _agents(app, self._topics.numbers)

    def kill(self, *workers: str) -> None:
        """End workers, all if none is named, as SIGKILL does; uncommitted work is lost.

        Their partitions are unassigned until the next `rebalance`.
        """
        for worker in self._cluster.named(workers):
            self._cluster.end(worker)

    def crash(self, *workers: str, at: Moment | None = None, lose_store: bool = False) -> None:
        """Kill workers, all if none is named, and start them again.

        With `at` they die in the middle of their next checkpoint, for which the clock advances by
        a checkpoint interval: while its transaction is pending ("before commit"), or when it is
        committed but not in the store ("after commit"). With `lose_store` their directories are
        deleted, too.
        """
        assignment = self.assignment
        dying = self._cluster.named(workers)
        if at is not None:
            for worker in dying:
                worker.journal.hold = at
            self.advance(self._environment.conf.checkpoint_interval)
        for worker in dying:
            self._cluster.end(worker)
            if lose_store:
                wipe(self._cluster.directory(worker.name))
        self._cluster.assign(assignment)

    def freeze(self, worker: str) -> None:
        """Freeze a worker, as SIGSTOP does; a `rebalance` may assign its partitions to others."""
        self._cluster.freeze(self._cluster[worker])

    def thaw(self, worker: str) -> None:
        """Resume a frozen worker where it was, even if its partitions have other owners now."""
        self._cluster.thaw(self._cluster[worker])

    def fail_checkpoint(
        self, topic: Topic | str, partition: int, at: Moment = "before commit"
    ) -> None:
        """Make the next transaction of a task fail, as if the broker had not answered.

        The task closes and reopens by itself after more than a heartbeat. With "after commit" the
        transaction is committed, but the task does not know it.

        Raises DriverError if no worker has the partition.
        """
        tp = TopicPartition(self._topic_name(topic), partition)
        owner = next((name for name, tps in self.assignment.items() if tp in tps), None)
        if owner is None:
            raise DriverError(f"nobody has partition {partition} of {tp.topic}")
        self._cluster[owner].journal.failing[f"{tp.topic}-{partition}"] = at

    def _topic_name(self, topic: Topic | str) -> str:
        return topic if isinstance(topic, str) else topic.of(self._environment.conf).name

    def compact(self, *, tombstones: bool = False) -> None:
        """Compact all changelogs; with `tombstones` also those, as after `delete.retention.ms`."""
        self._kafka.compact((t.changelog.name for t in self._tables), tombstones=tombstones)


def _in_order(known: list[StateTable], wanted: Iterable[StateTable] | None) -> list[StateTable]:
    """Return the wanted tables in the application's order: the first one of a source leads.

    Raises DriverError for a table of another application, and if there is none.
    """
    chosen = known if wanted is None else list(wanted)
    for table in chosen:
        if table not in known:
            raise DriverError(f"table {table.name} belongs to another application")
    if not chosen:
        raise DriverError("there is no table to run: are its modules imported?")
    return [table for table in known if table in chosen]


def _agents(app: Application, sources: Iterable[str]) -> dict[str, list[Agent]]:
    """Return the agents of each source. Raises DriverError for a source without one.

    Raises it too for an agent that yields: there are no sinks here.
    """
    found = agents_of(app, sources, DriverError)
    for agent in (each for agents in found.values() for each in agents):
        if isasyncgenfunction(agent.fun):
            raise DriverError(f"agent {agent.name} yields: a driver has no sinks")
    return found
