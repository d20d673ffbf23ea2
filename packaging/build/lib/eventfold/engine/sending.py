"""Tables that send records as they process them, instead of publishing results at intervals."""

from __future__ import annotations

from abc import abstractmethod
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from eventfold.engine.errors import TooLargeError
from eventfold.engine.partition import PartitionState, Row, encode_record
from eventfold.engine.table import Host, StateTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventfold.engine.store import Store
    from eventfold.topics import Topic


class _Way(NamedTuple):
    """Route of the records of one type: their topic, and what sending needs of it."""

    topic: Topic
    key_of: Callable[[Any], Any]
    write: Callable[[Any], bytes]
    #: Number of partitions of the topic.
    partitions: int


class SendingState(PartitionState):
    """Context of a user's function: the records it sends go out only if it returns normally.

    `partition`, `offset`, `time` are those of the record that is handled.
    """

    table: SendingTable

    def __init__(self, table: SendingTable, partition: int, store: Store, *, leads: bool) -> None:
        super().__init__(table, partition, store, leads=leads)
        #: Prefix of the header `source`.
        self._origin = f"{table.source.name}-{partition}-"
        #: Routes by type of a record, or by name of the topic that is passed to `send`.
        self._ways: dict[type | str, _Way] = {}
        self._said: list[tuple[tuple[str, int], bytes, bytes, tuple[int, ...]]] = []

    @property
    @abstractmethod
    def offset(self) -> int:
        """Offset of the record that is handled."""

    @property
    def stream_time(self) -> int:
        """Highest event time so far (ms), including the record that is handled."""
        return self.meta.stream_time

    def send(
        self,
        record: Any,
        *,
        to: Topic | None = None,
        partition: int | None = None,
        offsets: tuple[int, ...] = (),
    ) -> None:
        """Write a record with the next checkpoint, unless the function that sends it raises.

        `to` defaults to the output for the record's type. `partition` defaults to that of the
        record's own key, never to that of the source record: the producers of two sources may
        partition differently, and records that a third table folds by key have to meet. `offsets`
        are the source offsets for the header `source`; by default the one that is handled.

        Raises TypeError for a topic or type that is no declared output, and what `_cannot_send`
        raises for a record that can't be written.
        """
        way = self._ways.get(type(record) if to is None else to.name)
        if way is None or (to is not None and to is not way.topic):
            way = self._way_of(record, to)
        topic, key_of, write, partitions = way
        key = str(key_of(record)).encode()
        if partition is None:
            partition = self._partition_of(key, partitions)
        value = None
        try:
            value = write(record)
            self._check_size(topic.name, key, value)
        except (TooLargeError, OverflowError, RecursionError) as error:
            self._cannot_send(key, value, error)
        else:
            self._said.append(((topic.name, partition), key, value, offsets))

    def _cannot_send(self, key: bytes, value: bytes | None, error: Exception) -> None:
        """Raise `error`: a record that can't be written rejects the record that is handled."""
        del key, value
        raise error

    def _way_of(self, record: Any, to: Topic | None) -> _Way:
        topic = self.table.output(record, to)
        write = topic.write or encode_record
        way = _Way(topic, attrgetter(topic.key), write, topic.partition_count())
        self._ways[type(record) if to is None else to.name] = way
        return way

    def _pass_on(self) -> None:
        """Write the records that were sent for the record that is handled."""
        origin = self._origin
        source = [("source", f"{origin}{self.offset}".encode())]
        for place, key, value, offsets in self._said:
            headers = source
            if offsets:
                of = ",".join(f"{origin}{each}" for each in offsets)
                headers = [("source", of.encode())]
            self._outputs[place].append((key, value, headers))
        self._said.clear()

    # -- no results

    @property
    def unpublished(self) -> bool:
        """Always False: records are sent, not published."""
        return False

    def _publish(self) -> int:
        return self.position

    def _expires_before(self) -> int:
        return self.meta.expired

    def _load(self) -> None:
        pass

    @property
    def changed_rows(self) -> int:
        """Always 0: there are no rows."""
        return 0

    def _take_rows(self) -> list[Row]:
        return []

    def _settle(self) -> None:
        pass

    def rows_of(self, key: bytes) -> list[Any]:
        """Return an empty list: there are no rows."""
        del key
        return []


class SendingTable(StateTable):
    """Table that sends records to the topics in `outputs`, each by the type of its values."""

    abstract = True

    def __init__(
        self,
        app: Host,
        *,
        name: str,
        source: Topic,
        outputs: Iterable[Topic],
        help: str,
        retention: int = 0,
    ) -> None:
        self.outputs = tuple(outputs)
        self._by_name = {topic.name: topic for topic in self.outputs}
        self._by_type: dict[type, Topic | None] = {}
        for topic in self.outputs:
            for kind in get_args(topic.value) or (topic.value,):
                # With two topics for one type, `send` must name the topic.
                self._by_type[kind] = None if kind in self._by_type else topic
        super().__init__(
            app, name=name, source=source, record=lambda row: row, retention=retention, help=help
        )

    @property
    def topics(self) -> list[Topic]:
        """Topics that this table writes."""
        return list(self.outputs)

    def co_partitions(self, topic: Topic) -> bool:
        """Return False: each record is partitioned by its own key."""
        del topic
        return False

    def output(self, record: Any, to: Topic | None) -> Topic:
        """Return the topic of a record. Raises TypeError if no output is declared for it."""
        topic = self._by_type.get(type(record)) if to is None else self._by_name.get(to.name)
        # Identity first: two topics are compared by all their fields.
        if topic is None or (to is not None and to is not topic and to != topic):
            names = ", ".join(each.name for each in self.outputs) or "none"
            what = type(record).__name__ if to is None else to.name
            raise TypeError(f"{self.name} can't send {what}: its outputs are {names}")
        return topic
