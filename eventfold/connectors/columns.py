"""Columns of a topic's records, and their rows, for targets that have a schema."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from eventfold.connectors.sink import SinkRecord
from eventfold.records.fields import HIGHEST, LOWEST
from eventfold.records.keys import key_parser
from eventfold.records.reading import reader
from eventfold.records.shape import inspected, members
from eventfold.topics import Topic

#: Where a row comes from: columns that each target has beside the fields of the records.
PARTITION, OFFSET = "kafka_partition", "kafka_offset"

#: Fields that identify a window of a key, where the topic names none.
_WINDOW = ("size", "advance", "start")


class Column(NamedTuple):
    """A column: int (64 bits), float, str or bool; what is none of them is JSON, as str."""

    name: str
    kind: type
    is_json: bool = False


class Rows:
    """Rows of the records of a topic: a column for each field, then partition and offset.

    `identity` names the columns of which a target keeps only the latest row: those of a window and
    its key, or the key of a compacted topic. It is empty where each record is a row of its own.
    Of two rows of one identity the one with the higher `revision` is the latest, if the records
    have one, else the one with the higher offset.
    """

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._read: Callable[[bytes], Any] = topic.read or reader(topic.value)
        fields = tuple(columns_of(topic.value))
        self.columns = (*fields, Column(PARTITION, int), Column(OFFSET, int))
        names = {each.name for each in fields}
        self.revision = "revision" if "revision" in names else None
        self.identity = self._identity(names)

    def _identity(self, names: set[str]) -> tuple[str, ...]:
        topic = self._topic
        is_latest = self.revision or topic.compacted or topic.identity
        if not names.issuperset(topic.key_fields) or not is_latest:
            return ()
        window = _WINDOW if "start" in names else ()
        return (*topic.key_fields, *(topic.identity or (each for each in window if each in names)))

    def read(self, record: SinkRecord) -> dict[str, Any]:
        """Return the row of a record. Raises ValueError, with the reason, if it can't be one."""
        value = self._decode(record)
        fields = msgspec.to_builtins(value)
        if not isinstance(fields, dict):
            raise ValueError("the record is no object")  # noqa: TRY004  # one kind of error
        row = {each.name: _cell(each, fields.get(each.name)) for each in self.columns[:-2]}
        for name in self.identity:
            if row[name] is None:
                raise ValueError(f"{name} is null, and identifies the row")
        return {**row, PARTITION: record.partition, OFFSET: record.offset}

    def _decode(self, record: SinkRecord) -> Any:
        if record.value is not None:
            return self._read(record.value)
        if self._topic.tombstone is None:
            raise ValueError("the record has no value")
        return self._topic.tombstone((record.key or b"").decode(), record.timestamp)

    def deleted(self, record: SinkRecord) -> tuple[Any, ...] | None:
        """Return the identity of the row that a record deletes; None if it deletes none."""
        topic = self._topic
        if record.value is not None or topic.tombstone or self.identity != topic.key_fields:
            return None
        return key_parser(topic.value, topic.key)((record.key or b"").decode())

    def time_of(self, row: dict[str, Any], record: SinkRecord) -> int:
        """Return the event time (ms) of a row."""
        time = row.get(self._topic.time) if isinstance(self._topic.time, str) else None
        return record.timestamp if time is None else int(time)


def columns_of(kind: Any) -> Iterator[Column]:
    """Yield a column for each field of a record type, or of any type of a union."""
    found: dict[str, Column] = {}
    for each in map(inspected, members(kind)):
        if isinstance(each, inspect.StructType) and each.tag_field:
            found.setdefault(each.tag_field, Column(each.tag_field, type(each.tag)))
        for field in each.fields:
            column = Column(field.encode_name, *_kind(field.type))
            if found.setdefault(column.name, column) != column:  # of different types: both as JSON
                found[column.name] = Column(column.name, str, is_json=True)
    yield from found.values()


def _kind(info: inspect.Type) -> tuple[type, bool]:
    """Return the type of a field's column, and whether it is JSON."""
    types = info.types if isinstance(info, inspect.UnionType) else (info,)
    kinds = {_scalar(each) for each in types if not isinstance(each, inspect.NoneType)}
    if kinds == {int, float}:
        return float, False
    (kind,) = kinds if len(kinds) == 1 else (None,)
    return (str, True) if kind is None else (kind, False)


def _scalar(info: inspect.Type) -> type | None:
    match info:
        case inspect.BoolType():
            return bool
        case inspect.IntType():
            return int
        case inspect.FloatType():
            return float
        case inspect.StrType() | inspect.BytesType():
            return str
        case inspect.LiteralType(values=values) if {type(each) for each in values} == {str}:
            return str
        case _:
            return None


def _cell(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.is_json:
        return msgspec.json.encode(value).decode()
    if column.kind is float:
        return float(value)
    if column.kind is int and not LOWEST <= value <= HIGHEST:
        raise ValueError(f"{column.name} {value} has more than 64 bits")
    return value
