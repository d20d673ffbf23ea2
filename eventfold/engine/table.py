"""Tables that Faust knows by name and the engine keeps: no Faust changelog, no Faust recovery."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from contextvars import ContextVar
from heapq import nsmallest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from mode import Service
from rocksdict import DbClosedError

from eventfold.engine import metrics
from eventfold.engine.errors import BatchError, ClosedMeanwhileError, TaskError, describe_error
from eventfold.engine.key_places import MOST_SHOWN, KeyPlaces
from eventfold.engine.owner import Runtime
from eventfold.engine.routes import Routes
from eventfold.engine.store import StoreError
from eventfold.telemetry import logs, traces
from eventfold.topics import DEAD_LETTERS, Changelog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from eventfold.engine.batch import Batch
    from eventfold.engine.definitions import Definition
    from eventfold.engine.partition import PartitionState
    from eventfold.engine.progress import Progress
    from eventfold.engine.store import Store
    from eventfold.settings import Settings
    from eventfold.topics import BoundTopic, Topic


#: States that queries read in place of a table's open partitions: see `StateTable.reading`.
_READ: ContextVar[Mapping[StateTable, Mapping[int, PartitionState]]] = ContextVar(
    "_READ", default=MappingProxyType({})
)


class _Followers(Protocol):
    """Followers of the partitions that other workers own: see `Standbys`."""

    def partitions_of(self, table: StateTable) -> list[int]: ...
    def state_of(self, table: StateTable, partition: int) -> PartitionState | None: ...
    def lag_of(self, table: StateTable, partition: int) -> int: ...


class _TableTasks(Runtime, Protocol):
    """Tasks that keep the partitions of tables, as far as a table needs them: see `Tasks`."""

    @property
    def standbys(self) -> _Followers: ...

    @property
    def tables(self) -> Sequence[StateTable]: ...
    def add_table(self, table: StateTable) -> None: ...
    def ready(self, source: str | None = None) -> bool: ...
    def restoring(self, table: StateTable) -> list[Progress]: ...
    def wipe(self, table: StateTable) -> None: ...


class Host(Protocol):
    """Application that a table belongs to, as far as the table needs it."""

    @property
    def conf(self) -> Any:
        """Faust's settings."""

    @property
    def tables(self) -> Any:
        """Faust's table manager."""

    @property
    def tasks(self) -> _TableTasks:
        """Tasks that keep the table's partitions."""


def outputs_of(tables: Iterable[StateTable], conf: Settings) -> dict[str, BoundTopic]:
    """Return the topics that tables write, by name, with that of dead letters last."""
    topics = [topic for table in tables for topic in table.topics]
    return {topic.name: topic for topic in [*topics, DEAD_LETTERS.of(conf)]}


class StateTable(Service):
    """Table folded from one topic, partition by partition.

    It is in `app.tables` like every Faust table, so the `tables` command, the web views and the
    router know it. Its state is kept by tasks (`eventfold/engine/task.py`) instead of Faust.
    """

    abstract = True

    #: Whether rows end in a time, by which the store orders them too.
    timed = False

    #: Topic of records that came late; None where they are not written.
    late_topic: BoundTopic | None = None

    #: Whether a record may use the previous window.
    uses_previous_window = False

    # Attributes that Faust reads.
    is_global = False
    use_partitioner = False
    synchronize_all_active_partitions = False

    def __init__(
        self,
        app: Host,
        *,
        name: str,
        source: Topic,
        record: Callable[[Any], Any],
        retention: int,
        help: str,
        layout: str,
        definition: Definition,
        outputs: Iterable[Topic] | None = None,
    ) -> None:
        super().__init__()
        self.app = app
        self.name = name
        conf = app.tasks.conf
        self.source = source.of(conf)
        #: Retention of rows, in stream time (ms).
        self.retention = retention
        self.help = help
        #: Function that makes the record of a result, for queries.
        self.record = record
        #: Description of the rows' layout: state of another layout is rejected, not misread.
        self.layout = layout
        #: Settings that the table's results depend on, as text: see `definitions.py`.
        self.definition = definition
        #: Topic that holds the rows.
        self.changelog = Changelog(f"{app.conf.id}-{name}-changelog", self.source)
        #: Topics that it sends records to, instead of publishing results.
        self.routes = Routes(name, outputs or (), conf)
        self.sends = outputs is not None
        #: Topics that this table writes, each with the function that makes its record (None: no
        #: record).
        self.publications: list[tuple[BoundTopic, Callable[[Any], Any]]] = []
        self._states: dict[int, PartitionState] = {}
        self._places = KeyPlaces()
        app.tables.add(self)
        app.tasks.add_table(self)

    @property
    def runtime(self) -> Runtime:
        """What the tables of a worker share."""
        return self.app.tasks

    @property
    def publish_interval(self) -> int:
        """Time between two publications (ms)."""
        return self.app.tasks.conf.publish_interval

    @property
    def topics(self) -> list[BoundTopic]:
        """Topics that this table writes."""
        if self.sends:
            return self.routes.topics
        return [topic for topic, _ in self.publications]

    def co_partitions(self, topic: BoundTopic) -> bool:
        """Return whether a record for `topic` stays in the partition of its source record.

        A record that is sent does not: it is partitioned by its own key.
        That needs all tables that write `topic` to have the same source: the producers of two
        sources may partition differently, and the same keys have to meet.
        """
        if self.sends:
            return False
        sources = {
            table.source.name
            for table in self.app.tasks.tables
            if any(each.name == topic.name for each in table.topics)
        }
        return topic.partitions is self.source.partitions is None and sources <= {self.source.name}

    def publish(self, topic: Topic, record: Callable[[Any], Any] | None = None) -> None:
        """Write each changed result to `topic`, as the record that `record` makes of it.

        `record` defaults to the table's own, which queries always use. Where it returns None,
        nothing is written, and an earlier record of the same result stands: a `record` that may
        change its mind belongs to a table that publishes on close.
        """
        self.publications.append((topic.of(self.runtime.conf), record or self.record))

    async def fold(self, batch: Batch) -> None:
        """Fold a batch into its partition.

        A batch of a task that is no longer open is ignored: its records are fetched again. If
        folding raises, or a batch before this one was never folded, the task is opened again from
        its last checkpoint; after a few attempts the worker stops.
        """
        task = batch.task
        state = self._states.get(task.partition)
        if state is not None and task.holds(state):
            try:
                self._check_follows(batch, state)
                self._fold(batch, state)
            except (BatchError, TaskError, StoreError) as error:
                task.fail(error)
            except Exception as error:  # noqa: BLE001  # a user's function may raise anything
                # Half of the batch may be folded: none of it may be committed.
                publishing = state.outputs.publishing
                where = f" ({publishing})" if publishing else ""
                what = f"table {self.name}: folding {batch}{where} raised {describe_error(error)}"
                task.fail(BatchError(what, batch.begin, batch.end))
            else:
                task.measure()

    def _fold(self, batch: Batch, state: PartitionState) -> None:
        task = batch.task
        with (
            logs.speaking_of(task.facts),
            traces.span(
                "fold",
                messaging__system="kafka",
                messaging__destination__name=task.source,
                messaging__destination__partition__id=str(task.partition),
                messaging__batch__message_count=len(batch),
                messaging__kafka__offset=batch.begin,
                tickstream__table=self.name,
            ),
        ):
            state.fold(batch)

    def _check_follows(self, batch: Batch, state: PartitionState) -> None:
        """Raise BatchError if folding a batch would skip records that were fetched before it."""
        if batch.begin > state.position:
            raise BatchError(
                f"table {self.name}: offsets {state.position} to {batch.begin - 1} of "
                f"{batch.task.name} were fetched and not folded: its agent has to fold each batch",
                state.position,
                batch.begin,
            )

    # -- queries of the local partitions

    @property
    def ready(self) -> bool:
        """Whether each partition assigned to this worker is restored and running."""
        return self.app.tasks.ready(self.source.name)

    @property
    def partitions(self) -> list[int]:
        """Partitions that are open locally."""
        return sorted(self._served)

    @property
    def restoring(self) -> list[Progress]:
        """Restores of local partitions that are under way."""
        return self.app.tasks.restoring(self)

    @property
    def standby(self) -> list[int]:
        """Partitions that this worker is a standby of."""
        return self.app.tasks.standbys.partitions_of(self)

    def standby_state(self, partition: int) -> PartitionState | None:
        """Return the state of a partition followed locally, as `Standbys.state_of` does."""
        return self.app.tasks.standbys.state_of(self, partition)

    def standby_lag(self, partition: int) -> int:
        """Return the lag of a partition's local standby (changelog offsets)."""
        return self.app.tasks.standbys.lag_of(self, partition)

    @contextmanager
    def reading(self, states: Iterable[PartitionState]) -> Iterator[None]:
        """Answer queries from `states` alone, in place of the open partitions.

        Only within the current asyncio task: queries in other tasks still read the open partitions.
        """
        read = _READ.set({**_READ.get(), self: {each.partition: each for each in states}})
        try:
            yield
        finally:
            _READ.reset(read)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Guard a read of the whole table during which other code runs.

        Raises ClosedMeanwhileError at the end if a partition that was open no longer is.
        """
        states = self.open_states()
        try:
            yield
        except DbClosedError:
            raise ClosedMeanwhileError(self.name) from None
        if not set(map(id, states)).issubset(map(id, self.open_states())):
            raise ClosedMeanwhileError(self.name)

    def rows_of(self, key: str) -> list[Any]:
        """Return all rows of a key in the local partitions; [] for an unknown key."""
        return [row for state in self.open_states() for row in state.rows_of(key.encode())]

    def each_row(self, key: str) -> Iterator[Any]:
        """Return an iterator over the rows of a key in the local partitions.

        Folding may go on between two rows. If partitions may close meanwhile, use `kept_open`.
        """
        return iter(self.rows_of(key))

    def keys(self, limit: int = 1000) -> list[str]:
        """Return the keys of the local partitions, sorted, at most `limit`."""
        return nsmallest(limit, set(self.each_key()))

    def each_key(self) -> Iterator[str]:
        """Yield the keys of the local partitions, some more than once.

        Folding may go on between two keys. If partitions may close meanwhile, use `kept_open`.
        """
        for state in self.open_states():
            for key in state.each_key():
                yield key.decode()

    def open_states(self) -> list[PartitionState]:
        """Return the state of each partition that is open locally."""
        return list(self._served.values())

    @property
    def _served(self) -> Mapping[int, PartitionState]:
        return _READ.get().get(self, self._states)

    def __getitem__(self, key: str) -> list[Any]:
        """Return the rows that `/table/NAME/KEY/` shows. Raises KeyError for an unknown key."""
        rows = self.rows_of(key)
        if not rows:
            raise KeyError(key)
        return rows

    # -- partitions, for the tasks

    @abstractmethod
    def new_state(
        self, partition: int, store: Store, *, reports_decode_errors: bool
    ) -> PartitionState:
        """Create the state of a partition over its opened store."""

    def open(self, state: PartitionState) -> None:
        """Serve this partition from now on."""
        self._states[state.partition] = state

    def close(self, state: PartitionState) -> None:
        """Stop serving this partition."""
        if self._states.get(state.partition) is state:
            del self._states[state.partition]

    def saw(self, key: bytes, partition: int) -> None:
        """Note the partition of a key, as `saw_all` does; cheap for a key known there."""
        if not self._places.knows(key, partition):
            self.saw_all((key,), partition)

    def saw_all(self, keys: Collection[bytes], partition: int) -> None:
        """Note the partition of keys; log and count each key seen in two partitions, once.

        Each part of such a key is folded without the other, so its results are wrong.
        """
        if self.source.partition_count() == 1:
            return
        for key, before in self._places.add(keys, partition):
            metrics.split_keys.labels(self.name).inc()
            self.log.warning(
                "%s is in partitions %s and %s of %s: its producers partition differently, "
                "%s folds each part by itself",
                key[:MOST_SHOWN].decode(errors="replace"),
                before,
                partition,
                self.source.name,
                self.name,
            )

    # -- methods that Faust calls

    def __hash__(self) -> int:
        return object.__hash__(self)

    def reset_state(self) -> None:
        """Remove the local rows (`faust reset`); they are restored from the changelog."""
        self.app.tasks.wipe(self)

    async def on_rebalance(self, *_: Any, **__: Any) -> None:
        """Do nothing: tasks follow the assignment."""

    async def on_recovery_completed(self, *_: Any) -> None:
        """Do nothing: tasks restore the table."""

    async def call_recover_callbacks(self) -> None:
        """Do nothing: there are no callbacks."""
