"""What tables do that send records as they go, instead of publishing results now and then."""

from __future__ import annotations

from abc import abstractmethod
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from app.state.partition import PartitionState, Row, encode_record
from app.state.table import Host, StateTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from app.state.store import Store
    from app.topics import Topic


class _Way(NamedTuple):
    """How records of a type are sent: what of their topic is asked for each of them."""

    topic: Topic
    key_of: Callable[[Any], Any]
    write: Callable[[Any], bytes]
    #: Where those go that have the same key as what they are made of; None: by their key.
    same: tuple[str, int] | None


class SendingState(PartitionState):
    """Sends what a function of a user's says of a record, if it comes to its end.

    It is the function's context: `partition`, `offset`, `time` are those of what is handled.
    """

    table: SendingTable

    def __init__(self, table: SendingTable, partition: int, store: Store, *, leads: bool) -> None:
        super().__init__(table, partition, store, leads=leads)
        #: What the header `source` begins with.
        self._origin = f"{table.source.name}-{partition}-"
        #: Topics with as many partitions as the source: the same keys are in the same ones.
        count = table.source.partition_count()
        self._alike = {each.name for each in table.outputs if each.partition_count() == count}
        #: By type of a record, or by the topic that is named.
        self._ways: dict[type | str, _Way] = {}
        self._said: list[tuple[tuple[str, int], bytes, bytes, tuple[int, ...]]] = []

    @property
    @abstractmethod
    def offset(self) -> int:
        """Offset of what is handled."""

    @property
    @abstractmethod
    def _source_key(self) -> bytes:
        """Kafka key of what is handled: its like goes to the same partition."""

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
        """Write a record with the next checkpoint, unless what says so raises."""
        way = self._ways.get(type(record) if to is None else to.name)
        if way is None or (to is not None and to is not way.topic):
            way = self._way_of(record, to)
        topic, key_of, write, same = way
        key = str(key_of(record)).encode()
        if partition is not None:
            place = topic.name, partition
        elif same is not None and key == self._source_key:
            place = same
        else:
            place = topic.name, self._partition_of(topic, key)
        self._said.append((place, key, write(record), offsets))

    def _way_of(self, record: Any, to: Topic | None) -> _Way:
        topic = self.table.output(record, to)
        same = (topic.name, self.partition) if topic.name in self._alike else None
        way = _Way(topic, attrgetter(topic.key), topic.write or encode_record, same)
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

    def _publish(self) -> None:
        pass

    def _expires_before(self) -> int:
        return 0

    def _load(self) -> None:
        pass

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

    def output(self, record: Any, to: Topic | None) -> Topic:
        """Give the topic of a record. Raises TypeError where none is declared for it."""
        topic = self._by_type.get(type(record)) if to is None else self._by_name.get(to.name)
        # Identity first: two topics are compared by all their fields.
        if topic is None or (to is not None and to is not topic and to != topic):
            names = ", ".join(each.name for each in self.outputs) or "none"
            what = type(record).__name__ if to is None else to.name
            raise TypeError(f"{self.name} can't send {what}: its outputs are {names}")
        return topic
