"""What tables do that send records as they go, instead of publishing results now and then."""

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
    """How records of a type are sent: what of their topic is asked for each of them."""

    topic: Topic
    key_of: Callable[[Any], Any]
    write: Callable[[Any], bytes]
    #: How many partitions the topic has.
    partitions: int


class SendingState(PartitionState):
    """Sends what a function of a user's says of a record, if it comes to its end.

    It is the function's context: `partition`, `offset`, `time` are those of what is handled.
    """

    table: SendingTable

    def __init__(self, table: SendingTable, partition: int, store: Store, *, leads: bool) -> None:
        super().__init__(table, partition, store, leads=leads)
        #: What the header `source` begins with.
        self._origin = f"{table.source.name}-{partition}-"
        #: By type of a record, or by the topic that is named.
        self._ways: dict[type | str, _Way] = {}
        self._said: list[tuple[tuple[str, int], bytes, bytes, tuple[int, ...]]] = []

    @property
    @abstractmethod
    def offset(self) -> int:
        """Offset of what is handled."""

    @property
    def stream_time(self) -> int:
        """Highest event time so far (ms), that of what is handled included."""
        return self.meta.stream_time

    def send(
        self,
        record: Any,
        *,
        to: Topic | None = None,
        partition: int | None = None,
        offsets: tuple[int, ...] = (),
    ) -> None:
        """Write a record with the next checkpoint, unless what says so raises.

        By its own key, never to the partition of what it is made of: the producers of two sources
        may partition differently, and what a third table folds by key has to meet.
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
        """Refuse what is handled, since what was to be made of it can't be written."""
        del key, value
        raise error

    def _way_of(self, record: Any, to: Topic | None) -> _Way:
        topic = self.table.output(record, to)
        write = topic.write or encode_record
        way = _Way(topic, attrgetter(topic.key), write, topic.partition_count())
        self._ways[type(record) if to is None else to.name] = way
        return way

    def _pass_on(self) -> None:
        """Send what was said of the record that was handled."""
        origin = self._origin
        source = [("source", f"{origin}{self.offset}".encode())]
        for place, key, value, offsets in self._said:
            headers = source
            if offsets:
                of = ",".join(f"{origin}{each}" for each in offsets)
                headers = [("source", of.encode())]
            self._outputs[place].append((key, value, headers))
        self._said.clear()

    # -- there are no results

    @property
    def unpublished(self) -> bool:
        """Nothing is left to be published: all has been sent."""
        return False

    def _publish(self) -> int:
        return self.position

    def _expires_before(self) -> int:
        return self.meta.expired

    def _load(self) -> None:
        pass

    @property
    def changed_rows(self) -> int:
        """There are no rows."""
        return 0

    def _take_rows(self) -> list[Row]:
        return []

    def _settle(self) -> None:
        pass

    def rows_of(self, key: bytes) -> list[Any]:
        """Give all rows of a key: none."""
        del key
        return []


class SendingTable(StateTable):
    """Sends records to the topics in `outputs`, each by the type of its values."""

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
                # Of two topics with the same records, one has to be named.
                self._by_type[kind] = None if kind in self._by_type else topic
        super().__init__(
            app, name=name, source=source, record=lambda row: row, retention=retention, help=help
        )

    @property
    def topics(self) -> list[Topic]:
        """The topics this table writes."""
        return list(self.outputs)

    def co_partitions(self, topic: Topic) -> bool:
        """Return False: each record is placed by its own key."""
        del topic
        return False

    def output(self, record: Any, to: Topic | None) -> Topic:
        """Give the topic of a record. Raises TypeError where none is declared for it."""
        topic = self._by_type.get(type(record)) if to is None else self._by_name.get(to.name)
        # Identity first: two topics are compared by all their fields.
        if topic is None or (to is not None and to is not topic and to != topic):
            names = ", ".join(each.name for each in self.outputs) or "none"
            what = type(record).__name__ if to is None else to.name
            raise TypeError(f"{self.name} can't send {what}: its outputs are {names}")
        return topic
