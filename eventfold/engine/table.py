"""Tables that Faust knows by name and we keep: no Faust changelog, no Faust recovery."""

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
from eventfold.engine.errors import BatchError, ClosedMeanwhileError, TaskError, told
from eventfold.engine.key_places import MOST_SHOWN, KeyPlaces
from eventfold.engine.store import StoreError
from eventfold.telemetry import logs, traces
from eventfold.topics import DEAD_LETTERS, Changelog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from eventfold.engine.batch import Batch
    from eventfold.engine.definitions import Definition
    from eventfold.engine.partition import PartitionState
    from eventfold.engine.progress import Progress
    from eventfold.engine.store import Store
    from eventfold.engine.tasks import Tasks
    from eventfold.topics import Topic


#: What is read of a table in place of its open partitions, see `StateTable.reading`.
_READ: ContextVar[Mapping[StateTable, Mapping[int, PartitionState]]] = ContextVar(
    "_READ", default=MappingProxyType({})
)


class Host(Protocol):
    """What a table needs of the application it belongs to."""

    @property
    def conf(self) -> Any:
        """Faust's settings."""

    @property
    def tables(self) -> Any:
        """Faust's table manager."""

    @property
    def tasks(self) -> Tasks:
        """The tasks that keep the table's partitions."""


def outputs_of(tables: Iterable[StateTable]) -> dict[str, Topic]:
    """Give the topics that tables write by name, that of dead letters last."""
    topics = [topic for table in tables for topic in table.topics]
    return {topic.name: topic for topic in [*topics, DEAD_LETTERS]}


class StateTable(Service):
    """A table folded from one topic, partition by partition.

    It stands in `app.tables` like every Faust table, so the `tables` command, the web views and
    the router know it. What Faust would do for its state, tasks do (`eventfold/engine/task.py`).
    """

    abstract = True

    #: Whether rows end in a time, by which the store orders them too.
    timed = False

    # What Faust asks of a table.
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
    ) -> None:
        super().__init__()
        self.app = app
        self.name = name
        self.source = source
        #: How long rows are kept, in stream time (ms).
        self.retention = retention
        self.help = help
        #: What makes of a result the record that queries answer.
        self.record = record
        #: Topics this table writes, each with what makes its record, or None to write nothing.
        self.publications: list[tuple[Topic, Callable[[Any], Any]]] = []
        self._states: dict[int, PartitionState] = {}
        self._places = KeyPlaces()
        app.tables.add(self)
        app.tasks.add_table(self)

    @property
    def changelog(self) -> Changelog:
        """The topic that holds the rows."""
        return Changelog(f"{self.app.conf.id}-{self.name}-changelog", self.source)

    @property
    @abstractmethod
    def layout(self) -> str:
        """What the rows are, in words: state of another layout is refused, not misread."""

    @property
    def definition(self) -> Definition:
        """The settings that its results depend on, in words: see `definitions.py`."""
        return {}

    @property
    def publish_interval(self) -> int:
        """Time between two publications (ms)."""
        return self.app.tasks.conf.publish_interval

    @property
    def topics(self) -> list[Topic]:
        """The topics this table writes."""
        return [topic for topic, _ in self.publications]

    def co_partitions(self, topic: Topic) -> bool:
        """Return whether what is written to `topic` stays in its source's partition.

        Only where no table of another source writes it too: the producers of two sources may
        partition differently, and the same keys have to meet.
        """
        sources = {
            table.source.name
            for table in self.app.tasks.tables
            if any(each.name == topic.name for each in table.topics)
        }
        return topic.partitions is self.source.partitions is None and sources <= {self.source.name}

    def publish(self, topic: Topic, record: Callable[[Any], Any] | None = None) -> None:
        """Write each changed result to `topic`, as `record` makes it, or the table's own.

        Where `record` gives None there is nothing to say of a result, and nothing is written.
        What was said of it before stays said: a `record` that may change its mind belongs to a
        table that publishes on close. Queries answer all results, by the table's own record.
        """
        self.publications.append((topic, record or self.record))

    async def fold(self, batch: Batch) -> None:
        """Fold a batch into its partition.

        A batch of a task that is no longer open is ignored: its records come again. So they do
        where folding raises, or where a batch before this one was never folded: the task is then
        opened again from its last checkpoint, and after a few attempts the worker stops.
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
                # What is folded so far is half of a batch: none of it may be committed.
                where = f" ({state.saying})" if state.saying else ""
                what = f"table {self.name}: folding {batch}{where} raised {told(error)}"
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
        """Raise BatchError where folding a batch would leave out what was fetched before it."""
        if batch.begin > state.position:
            raise BatchError(
                f"table {self.name}: offsets {state.position} to {batch.begin - 1} of "
                f"{batch.task.name} were fetched and not folded: its agent has to fold each batch",
                state.position,
                batch.begin,
            )

    # -- queries

    @property
    def ready(self) -> bool:
        """Whether each partition assigned to this worker is restored and running."""
        return self.app.tasks.ready(self.source.name)

    @property
    def partitions(self) -> list[int]:
        """The partitions open here."""
        return sorted(self._served)

    @property
    def restoring(self) -> list[Progress]:
        """The restores of partitions that are under way here."""
        return self.app.tasks.restoring(self)

    @property
    def standby(self) -> list[int]:
        """The partitions that this worker follows for others."""
        return self.app.tasks.standbys.partitions_of(self)

    def standby_state(self, partition: int) -> PartitionState | None:
        """Give the state of a partition followed here, as `Standbys.state_of` does."""
        return self.app.tasks.standbys.state_of(self, partition)

    def standby_lag(self, partition: int) -> int:
        """Give how many changelog offsets the standby of a partition here is behind."""
        return self.app.tasks.standbys.lag_of(self, partition)

    @contextmanager
    def reading(self, states: Iterable[PartitionState]) -> Iterator[None]:
        """Answer queries from `states` alone, in place of the open partitions.

        Those of whoever reads: in other tasks the open partitions stay what is read.
        """
        read = _READ.set({**_READ.get(), self: {each.partition: each for each in states}})
        try:
            yield
        finally:
            _READ.reset(read)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Read all of the table while other things go on.

        Raises ClosedMeanwhileError at the end where a partition that was open is not any more.
        """
        states = self.open_states()
        try:
            yield
        except DbClosedError:
            raise ClosedMeanwhileError(self.name) from None
        if not set(map(id, states)).issubset(map(id, self.open_states())):
            raise ClosedMeanwhileError(self.name)

    def rows_of(self, key: str) -> list[Any]:
        """Give all rows of a key in the partitions open here; [] for an unknown key."""
        return [row for state in self.open_states() for row in state.rows_of(key.encode())]

    def each_row(self, key: str) -> Iterator[Any]:
        """Give all rows of a key in the partitions open here.

        Folding may go on before the next one; where partitions may close meanwhile, see
        `kept_open`.
        """
        return iter(self.rows_of(key))

    def keys(self, limit: int = 1000) -> list[str]:
        """Give the keys of the partitions open here, sorted, at most `limit`."""
        return nsmallest(limit, set(self.each_key()))

    def each_key(self) -> Iterator[str]:
        """Give the keys of the partitions open here, some more than once.

        Folding may go on before the next one; where partitions may close meanwhile, see
        `kept_open`.
        """
        for state in self.open_states():
            for key in state.each_key():
                yield key.decode()

    def open_states(self) -> list[PartitionState]:
        """Give the state of each partition open here."""
        return list(self._served.values())

    @property
    def _served(self) -> Mapping[int, PartitionState]:
        return _READ.get().get(self, self._states)

    def __getitem__(self, key: str) -> list[Any]:
        """Give what `/table/NAME/KEY/` shows. Raises KeyError, never makes up a default."""
        rows = self.rows_of(key)
        if not rows:
            raise KeyError(key)
        return rows

    # -- partitions, by the tasks

    @abstractmethod
    def new_state(self, partition: int, store: Store, *, leads: bool) -> PartitionState:
        """Make the state of a partition over its opened store."""

    def open(self, state: PartitionState) -> None:
        """Serve this partition from now on."""
        self._states[state.partition] = state

    def close(self, state: PartitionState) -> None:
        """Serve this partition no longer."""
        if self._states.get(state.partition) is state:
            del self._states[state.partition]

    def saw(self, key: bytes, partition: int) -> None:
        """Note where a key lives, as `saw_all` does; cheap for one that is known there."""
        if not self._places.knows(key, partition):
            self.saw_all((key,), partition)

    def saw_all(self, keys: Collection[bytes], partition: int) -> None:
        """Note where keys live; report each that lives in two partitions, once.

        Each part of such a key is folded without the other, which can't be right.
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

    # -- what Faust calls

    def __hash__(self) -> int:
        return object.__hash__(self)

    def reset_state(self) -> None:
        """Remove the local rows (`faust reset`); they are restored from the changelog."""
        self.app.tasks.wipe(self)

    async def on_rebalance(self, *_: Any, **__: Any) -> None:
        """Nothing to do: tasks follow the assignment."""

    async def on_recovery_completed(self, *_: Any) -> None:
        """Nothing to do: tasks restore."""

    async def call_recover_callbacks(self) -> None:
        """Nothing to do: there are none."""
