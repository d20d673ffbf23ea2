"""Entries: the compared part of the records in an output topic, with the identity that pairs them.

A window's identity is its key and `Topic.identity`; its highest revision is compared. In compacted
topics the last value of a key is compared. In a log, the identity of a record is its `source`
header, or its time if that header names a topic that the replay writes itself. Fields that depend
on when a record was processed (`Topic.processing`) are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from eventfold.decoding import json_decoder
from eventfold.engine.top_n_table import TopNTable
from eventfold.engine.window_table import WindowTable
from eventfold.formats.form import AvroForm
from eventfold.topics import DEAD_LETTERS

if TYPE_CHECKING:
    from eventfold.engine.table import StateTable
    from eventfold.replay.selection import Selection
    from eventfold.topics import BoundTopic

#: How records of a topic are identified.
Kind = Literal["windows", "last", "log"]

#: Fields that identify a window of a key if the topic declares no `identity`.
IDENTITY = ("size", "advance", "start")

#: Fields that depend on offsets, which differ in topics that the replay writes itself.
COORDINATES = frozenset({"partition", "offset", "first_offset", "last_offset", "revision"})

#: Topic, partition and offset of a record.
Coordinates = tuple[str, int, int]

_decode = json_decoder(Any)
_encode = msgspec.json.Encoder(order="sorted").encode


class Entry(NamedTuple):
    """One record to compare. Times in ms, None if unknown."""

    topic: str
    key: str
    #: Identifies the entry, together with the key.
    identity: str
    revision: int
    #: None: the entry is retracted.
    value: bytes | None
    start: int | None
    end: int | None
    #: Partition of the source, None if unknown.
    partition: int | None
    sources: tuple[Coordinates, ...] = ()


class Entries:
    """Reader that turns the records of one topic into entries."""

    def __init__(self, topic: BoundTopic, selection: Selection) -> None:
        self.topic = topic
        self.writers = selection.writers(topic.name)
        self.kind = _kind(topic, self.writers)
        self._tables = {table.name for table in selection.tables}
        fields = _fields(topic)
        self._identity = topic.identity or tuple(name for name in IDENTITY if name in fields)
        #: Whether records have a field `final`: then only final ones are compared.
        self.has_final = self.kind == "windows" and "final" in fields
        #: Whether the spans of windows have to be kept, since records have no `start` and `end`.
        self.lacks_span = self.kind == "windows" and not {"start", "end"} <= fields
        self._spans: dict[str, tuple[int, int]] = {}
        #: Whether its sources are topics that the replay writes itself, with other offsets.
        self.rederived = bool(self.writers) and all(
            table.source.name in selection.internal for table in self.writers
        )
        anew = COORDINATES if self.rederived else frozenset()
        self.ignored = frozenset(topic.processing) | anew
        self._has_dead_letters = topic.base_name == DEAD_LETTERS.base_name
        self._is_late = any(table.late_topic == topic for table in self.writers)
        self._co_partitioned = topic.partitions is None and all(
            table.co_partitions(topic) for table in self.writers
        )
        self._read = 0

    def note(self, record: Any, start: int, end: int) -> None:
        """Store the span (ms) of the window of a record."""
        name = _identity_text([getattr(record, field, None) for field in self._identity])
        self._spans[name] = start, end

    def read(
        self,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
    ) -> Entry | None:
        """Return the entry of a record; None if it is not compared."""
        self._read += 1
        text = (key or b"").decode(errors="replace")
        value = self._as_json(value)
        if self.kind == "windows":
            return self._window(partition, text, value or b"")
        sources = coordinates(headers)
        if self.kind == "last":
            name = self.topic.name
            return Entry(name, text, "", self._read, value, None, None, None, sources)
        return self._logged(partition, text, value, sources)

    def read_open(self, partition: int, key: bytes | None, value: bytes | None) -> Entry | None:
        """Return the entry of a window that is not final; None for other records."""
        value = self._as_json(value)
        if value is None or not _is_open(value):
            return None
        return self._window_entry(partition, (key or b"").decode(errors="replace"), value)

    def _as_json(self, value: bytes | None) -> bytes | None:
        """Return an Avro value as JSON, comparable by field; unchanged if it can't be read."""
        if value is None or not isinstance(self.topic.write, AvroForm):
            return value
        try:
            return _encode(self.topic.write.read(value))
        except ValueError:
            # Of an earlier schema: it differs anyway.
            return value

    def _window(self, partition: int, key: str, value: bytes) -> Entry | None:
        if self.has_final and _is_open(value):
            return None
        return self._window_entry(partition, key, value)

    def _window_entry(self, partition: int, key: str, value: bytes) -> Entry | None:
        fields = decoded(value)
        identity = _identity_text([fields.get(field) for field in self._identity])
        start, end = self._span(identity, fields)
        own = fields.get("partition")
        here = partition if self._co_partitioned else None
        revision = fields.get("revision")
        return Entry(
            self.topic.name,
            key,
            identity,
            revision if isinstance(revision, int) else self._read,
            # A session whose bounds have changed since: this one is retracted.
            None if fields.get("count") == 0 else value,
            start,
            end,
            own if isinstance(own, int) else here,
        )

    def _span(self, identity: str, fields: dict[str, Any]) -> tuple[int | None, int | None]:
        start, end = fields.get("start"), fields.get("end")
        if isinstance(start, int) and isinstance(end, int):
            return start, end
        return self._spans.get(identity, (None, None))

    def _logged(
        self, partition: int, key: str, value: bytes | None, sources: Sequence[Coordinates]
    ) -> Entry | None:
        fields = decoded(value or b"")
        table = fields.get("stage" if self._has_dead_letters else "table")
        ours = not (self._has_dead_letters or self._is_late) or table in self._tables
        if not (ours or table == "decode"):
            return None
        start, end = self._event_span(fields)
        identity = ",".join("-".join(map(str, each)) for each in sources)
        if self.rederived:
            # By its time: the source record has another offset on the other side.
            identity, sources = f"time {end}", ()
        here = partition if self._co_partitioned else None
        return Entry(self.topic.name, key, identity, 0, value, start, end, here, tuple(sources))

    def _event_span(self, fields: dict[str, Any]) -> tuple[int | None, int | None]:
        """Return the span of a record as (start, end) in ms; the same time twice for an instant."""
        start, end = fields.get("start"), fields.get("end")
        if isinstance(start, int) and isinstance(end, int):
            return start, end
        time = fields.get(self.topic.time) if isinstance(self.topic.time, str) else None
        return (time, time) if isinstance(time, int) else (None, None)


def decoded(value: bytes) -> dict[str, Any]:
    """Return the fields of a JSON object; for other values one field `bytes` in hex.

    >>> decoded(b'{"n": 1}'), decoded(b"?")
    ({'n': 1}, {'bytes': '3f'})
    """
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        found = _decode(value)
        if isinstance(found, dict):
            return found
    return {"bytes": value.hex()}


def coordinates(headers: Sequence[tuple[str, bytes]]) -> tuple[Coordinates, ...]:
    """Parse the header `source`: topic-partition-offset, several joined by commas.

    >>> coordinates([("source", b"ticks-0-7,my-topic-1-8")])
    (('ticks', 0, 7), ('my-topic', 1, 8))
    """
    for name, value in headers:
        if name == "source":
            return tuple(_coordinates(each) for each in value.decode().split(","))
    return ()


def _coordinates(text: str) -> Coordinates:
    topic, partition, offset = text.rsplit("-", 2)
    return topic, int(partition), int(offset)


def _kind(topic: BoundTopic, writers: list[StateTable]) -> Kind:
    for table in writers:
        if isinstance(table, WindowTable) and any(t == topic for t, _ in table.publications):
            return "windows"
    if topic.compacted or any(isinstance(table, TopNTable) for table in writers):
        return "last"
    return "log"


def _fields(topic: BoundTopic) -> set[str]:
    with suppress(TypeError):
        return {field.name for field in msgspec.structs.fields(topic.value)}
    return set()


def _is_open(value: bytes) -> bool:
    # As the engine writes JSON: decoding values that are not compared would take most of the time.
    return b'"final":false' in value


def _identity_text(fields: list[Any]) -> str:
    return _encode(fields).decode()
