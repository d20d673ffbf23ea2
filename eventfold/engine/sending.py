"""Records that a table sends as it processes others, instead of publishing results at intervals."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from eventfold.engine.errors import TooLargeError
from eventfold.engine.outputs import Outputs, encode_record
from eventfold.engine.routes import Routes
from eventfold.topics import Topic
from eventfold.windows.panes import BEFORE_ALL


class _Way(NamedTuple):
    """Route of the records of one type: their topic, and what sending needs of it."""

    #: Topic that was passed to `send`; None if the record's type determines it.
    to: Topic | None
    #: Its name in Kafka.
    topic: str
    key_of: Callable[[Any], Any]
    write: Callable[[Any], bytes]
    #: Number of partitions of the topic.
    partitions: int


class Collector:
    """Collector of the records that a user's function sends: written if it returns normally."""

    def __init__(self, routes: Routes, outputs: Outputs) -> None:
        self._routes = routes
        self._outputs = outputs
        #: Routes by type of a record, or by base name of the topic that is passed to `send`.
        self._ways: dict[type | str, _Way] = {}
        #: Records sent for the one that is handled.
        self.sent: list[tuple[tuple[str, int], bytes, bytes, tuple[int, ...]]] = []
        #: Source offset of the record that is handled.
        self.offset = BEFORE_ALL
        #: Whether `send` raises for a record that can't be written, so that the one that is handled
        #: is rejected; else what can't be written becomes a dead letter by itself.
        self.rejects = True

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

        Raises TypeError for a topic or type that is no declared output.
        """
        way = self._ways.get(type(record) if to is None else to.base_name)
        if way is None or to is not way.to:
            way = self._way_of(record, to)
        _, topic, key_of, write, partitions = way
        key = str(key_of(record)).encode()
        outputs = self._outputs
        if partition is None:
            partition = outputs.partition_of(key, partitions)
        value = None
        try:
            value = write(record)
            outputs.check_size(topic, key, value)
        except (TooLargeError, OverflowError, RecursionError) as error:
            if self.rejects:
                raise
            outputs.dead(outputs.letter(key, value, error, self.offset))
        else:
            self.sent.append(((topic, partition), key, value, offsets))

    def _way_of(self, record: Any, to: Topic | None) -> _Way:
        topic = self._routes.topic_of(record, to)
        write = topic.write or encode_record
        way = _Way(to, topic.name, attrgetter(topic.key), write, topic.partition_count())
        self._ways[type(record) if to is None else to.base_name] = way
        return way

    def write(self) -> None:
        """Write the records that were sent for the one that is handled."""
        origin = self._outputs.origin
        source = [("source", f"{origin}{self.offset}".encode())]
        for place, key, value, offsets in self.sent:
            headers = source
            if offsets:
                of = ",".join(f"{origin}{each}" for each in offsets)
                headers = [("source", of.encode())]
            self._outputs.records[place].append((key, value, headers))
        self.sent.clear()
