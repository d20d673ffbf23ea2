"""Valid records of any source topic, made from nothing but the topic's record type."""

import re
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

import msgspec
from msgspec import inspect

from app.logs.topics import LOGS
from eventfold.topics import Topic

#: A text for each pattern of fields.
PATTERNS = {"^[A-Z]{3}$": "EUR", "^[A-Z]{2}$": "DE"}

#: Fields of instants (ms).
INSTANTS = {"time", "start", "end", "since", "stream_time"}


@cache
def _shape(kind: Any) -> Any:
    return inspect.type_info(kind)


class Honest:
    """Make valid records; the same ones from the same `random`."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def fields(self, topic: Topic, key: str, time: int) -> dict[str, Any]:
        """Return the fields of a record with this key and event time (ms)."""
        if topic.base_name == LOGS.base_name:
            return {"level": "error", "host": key, "msg": "out of paper", "time": time}
        shape = _shape(topic.value)
        if isinstance(shape, inspect.UnionType):
            shape = self._random.choice(shape.types)
        return self._struct(shape, topic, key, time)

    def record(self, topic: Topic, key: str, time: int) -> tuple[bytes, bytes]:
        """Return key and value of a record."""
        return key.encode(), msgspec.json.encode(self.fields(topic, key, time))

    def _struct(
        self, shape: inspect.StructType, topic: Topic | None, key: str, time: int
    ) -> dict[str, Any]:
        named = () if topic is None else (topic.key, topic.time)
        made = {
            field.encode_name: self._field(field, topic, key, time)
            for field in shape.fields
            if field.required or field.encode_name in named or self._random.random() < 0.7
        }
        if shape.tag_field is not None:
            made[shape.tag_field] = shape.tag
        return made

    def _field(self, field: inspect.Field, topic: Topic | None, key: str, time: int) -> Any:
        name = field.encode_name
        if topic is not None and name == topic.key and not isinstance(field.type, inspect.IntType):
            return key
        if name in INSTANTS or (topic is not None and name == topic.time):
            return time
        return self._value(field.type, time)

    def _value(self, shape: Any, time: int) -> Any:  # noqa: C901, PLR0911  # a line for each type
        random = self._random
        match shape:
            case inspect.UnionType():
                return self._value(random.choice(shape.types), time)
            case inspect.StructType():
                return self._struct(shape, None, "", time)
            case inspect.LiteralType():
                return random.choice(shape.values)
            case inspect.IntType():
                low = 0 if shape.ge is None else shape.ge
                return low + (1 if shape.gt is not None else 0) + random.randrange(3)
            case inspect.FloatType():
                return 0.5 + random.randrange(40) / 4
            case inspect.BoolType():
                return random.random() < 0.5
            case inspect.StrType(pattern=str() as pattern):
                day = datetime.fromtimestamp(time / 1000, UTC).date().isoformat()
                return day if re.search(pattern, day) else PATTERNS[pattern]
            case inspect.StrType():
                return random.choice(["a", "b", "c"])
            case inspect.ListType():
                return [self._value(shape.item_type, time) for _ in range(random.randrange(3))]
            case inspect.DictType():
                return {name: self._value(shape.value_type, time) for name in "ab"}
            case inspect.NoneType():
                return None
        raise TypeError(f"no way to make {shape}")
