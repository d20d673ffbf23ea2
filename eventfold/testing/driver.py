"""The driver: real agents, tables, tasks and stores; topics in memory, and time that is moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from aiokafka import TopicPartition

from eventfold.engine.definitions import Definitions
from eventfold.engine.store import wipe
from eventfold.testing.clock import VirtualClock
from eventfold.testing.cluster import Cluster
from eventfold.testing.environment import Application, Environment
from eventfold.testing.errors import DriverError
from eventfold.testing.group import spread, whole
from eventfold.testing.kafka import Headers, MemoryKafka, TopicRecord
from eventfold.testing.loop import VirtualLoop
from eventfold.testing.topics import Topics
from eventfold.testing.worker import WorkerTasks
from eventfold.windows import milliseconds

if TYPE_CHECKING:
    from msgspec import Struct

    from eventfold.engine.table import StateTable
    from eventfold.testing.journal import Moment
    from eventfold.topics import Topic

#: 2026-01-01T00:00:00Z.
START = 1_767_225_600_000

#: Where a machine keeps files in memory: stores open ten times as fast there as on a disk.
MEMORY = Path("/dev/shm")  # noqa: S108  # of a directory of its own


class TopologyDriver:
    """Runs an application's streams in this process, without a broker; used in `with`.

    Nothing happens by itself: records are piped in, `run` lets agents fold them, `advance` lets
    time pass, and with it checkpoints and publications; `settle` lets everything come to its
    end. What was committed is read from the output topics; tables answer queries as always.

    All `tables` of the application run if none are named, with the agents on their topics.
    `partitions` limits how many of TOPIC_PARTITIONS there are. `batch` is the most records an
    agent gets at once; it may be changed at any time. A transaction takes `commit_time` (ms, or
    text such as `50ms`), and folding goes on meanwhile. The clock begins at `start` (ms since
    the epoch). Workers keep their stores in `directory`, a temporary one if None.

    Whatever an agent or a task raises is raised by the call in which it happened. Raises
    DriverError for what can't be.
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
        if isinstance(app.tasks, WorkerTasks):
            raise DriverError("the application runs in another driver already")
        self._app = app
        self._original = app.tasks
        self._directory = directory
        self.clock = VirtualClock(start)
        self._kafka = MemoryKafka(self.clock)
        self._tables = _in_order(app.tasks.tables, tables)
        self._topics = Topics(self._tables, partitions, self.clock, self._kafka)
        self._environment = Environment(
            app=app,
            conf=app.tasks.conf,
            tables=self._tables,
            agents={source: _agents(app, source) for source in self._topics.numbers},
            clock=self.clock,
            loop=VirtualLoop(self.clock),
            kafka=self._kafka,
            commit_time=milliseconds(commit_time) / 1000,
            batch=batch,
        )

    def __enter__(self) -> Self:
        self._temporary = TemporaryDirectory(
            prefix="topology-", dir=MEMORY if MEMORY.is_dir() else None
        )
        root = self._directory or Path(self._temporary.name)
        self._cluster = Cluster(self._environment, root)
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
            self._environment.loop.close()
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
        """Write records to a topic that a table is folded from; give them as they lie there.

        The key is the record's own. Without `partition` it goes where Kafka's default partitioner
        (murmur2) puts the key. Kafka's timestamp (ms) is the clock's time if none is given.
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
        """Write one record as bytes, whatever they are; give it as it lies in the topic."""
        return self._topics.write_raw(
            topic, key, value, headers=headers, partition=partition, timestamp=timestamp
        )

    def read(self, topic: Topic) -> list[Any]:
        """Give the values committed to a topic since it was last read, as records."""
        return self._topics.new_values(topic)

    def topic(self, topic: Topic) -> list[Any]:
        """Give all values committed to a topic, as records."""
        return self._topics.values(topic)

    def records(self, topic: Topic) -> list[TopicRecord]:
        """Give all that was committed to a topic as bytes, with partition, offset and headers."""
        return self._topics.records(topic)

    def remake(self, topic: Topic | str) -> None:
        """Delete a topic, such as a source or a changelog, and make it anew, empty.

        It has another id then, as on a broker: tasks fold no record of it in place of one that
        the topic before it had.
        """
        self._kafka.remake(topic if isinstance(topic, str) else topic.name)

    # -- time

    @property
    def now(self) -> int:
        """The time (ms since the epoch)."""
        return self.clock.time()

    @property
    def batch(self) -> int:
        """The most records an agent gets at once."""
        return self._environment.batch

    @batch.setter
    def batch(self, records: int) -> None:
        self._environment.batch = records

    def run(self) -> None:
        """Let agents fold all that is there; no time passes, so checkpoints are not due."""
        self._cluster.run()

    def advance(self, duration: int | str) -> None:
        """Let time pass (ms, or text such as `1s`), with all that is due within."""
        self._cluster.advance(milliseconds(duration))

    def settle(self) -> None:
        """Let time pass until all is folded, committed and published, by every stage."""
        self._cluster.settle()

    # -- workers

    @property
    def assignment(self) -> dict[str, list[TopicPartition]]:
        """Which worker has which partitions."""
        return dict(self._environment.group.assignment)

    def rebalance(self, workers: Mapping[str, Iterable[int]] | Iterable[str]) -> None:
        """Spread the partitions anew: by worker those of each topic, or evenly over workers.

        All tasks of all workers close, with a last checkpoint. Who was not there joins, with the
        stores it had when it left; who is not named leaves.
        """
        numbers = self._topics.numbers
        if isinstance(workers, Mapping):
            self._cluster.assign(whole(workers, numbers))
        else:
            self._cluster.assign(spread(workers, numbers))

    def restart(self, *workers: str, app: Application | None = None) -> None:
        """Stop workers, all if none is named, in peace, and start them again.

        With `app` all are started as another declaration of the application: the same tables and
        topics, with other settings. Raises TaskError where the application can't become that.
        """
        assignment = self.assignment
        if app is not None and workers:
            raise DriverError("all workers of an application have the same settings")
        self._cluster.stop(self._cluster.named(workers))
        if app is not None:
            self._become(app)
        self._cluster.assign(assignment)

    def _become(self, app: Application) -> None:
        """Let the workers to come be of another declaration of the application."""
        environment = self._environment
        environment.app.tasks = self._original
        if isinstance(app.tasks, WorkerTasks):
            raise DriverError("the application runs in another driver already")
        names = {table.name for table in self._tables}
        tables = [table for table in app.tasks.tables if table.name in names]
        by_source = {source: _folded_from(source, tables) for source in self._topics.numbers}
        definitions = Definitions(app.tasks.conf.app_id, by_source)
        self._kafka.committed |= definitions.changed(self._kafka.committed)
        self._app, self._original, self._tables = app, app.tasks, tables
        environment.app, environment.conf, environment.tables = app, app.tasks.conf, tables
        environment.agents = {source: _agents(app, source) for source in self._topics.numbers}

    def kill(self, *workers: str) -> None:
        """End workers, all if none is named, as SIGKILL does; what they did not commit is lost.

        Nobody has their partitions until the next `rebalance`.
        """
        for worker in self._cluster.named(workers):
            self._cluster.end(worker)

    def crash(self, *workers: str, at: Moment | None = None, lose_store: bool = False) -> None:
        """Kill workers, all if none is named, and start them again.

        With `at` they die in the middle of their next checkpoint, for which a checkpoint interval
        passes: while its transaction is pending ("before commit"), or when what it committed is
        not yet in the store ("after commit"). With `lose_store` their directories are gone too.
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
                wipe(worker.directory)
        self._cluster.assign(assignment)

    def freeze(self, worker: str) -> None:
        """Let a worker stand still, as SIGSTOP does; others may be given what it has."""
        self._cluster.freeze(self._cluster[worker])

    def thaw(self, worker: str) -> None:
        """Let a frozen worker go on where it was, whoever has its partitions now."""
        self._cluster.thaw(self._cluster[worker])

    def fail_checkpoint(
        self, topic: Topic | str, partition: int, at: Moment = "before commit"
    ) -> None:
        """Let the next transaction of a task fail, as if the broker had not answered.

        The task closes and is opened again, by itself, after more than a heartbeat. "After
        commit" the transaction is committed all the same, but the task doesn't know.
        """
        tp = TopicPartition(topic if isinstance(topic, str) else topic.name, partition)
        owner = next((name for name, tps in self.assignment.items() if tp in tps), None)
        if owner is None:
            raise DriverError(f"nobody has partition {partition} of {tp.topic}")
        self._cluster[owner].journal.failing[f"{tp.topic}-{partition}"] = at

    def compact(self, *, tombstones: bool = False) -> None:
        """Compact all changelogs; with `tombstones`, as after `delete.retention.ms`, those too."""
        self._kafka.compact((t.changelog.name for t in self._tables), tombstones=tombstones)


def _in_order(known: list[StateTable], wanted: Iterable[StateTable] | None) -> list[StateTable]:
    """Give the tables wanted as the application knows them: the first of a source leads."""
    chosen = known if wanted is None else list(wanted)
    for table in chosen:
        if table not in known:
            raise DriverError(f"table {table.name} belongs to another application")
    if not chosen:
        raise DriverError("there is no table to run: are its modules imported?")
    return [table for table in known if table in chosen]


def _folded_from(source: str, tables: Iterable[StateTable]) -> list[StateTable]:
    return [table for table in tables if table.source.name == source]


def _agents(app: Application, source: str) -> list[Any]:
    found = [a for a in app.agents.values() if source in getattr(a.channel, "topics", ())]
    if not found:
        raise DriverError(f"no agent folds {source}: is its module imported?")
    return found
