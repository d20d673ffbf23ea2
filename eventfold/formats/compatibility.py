"""Which schema may follow which: Avro's schema resolution, as a registry's levels ask for it.

What can read what is said by Apache Avro's own library (specification, "Schema Resolution").
"""

from __future__ import annotations

import json
import warnings
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import avro.errors
import avro.schema
import fastavro
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from eventfold.decoding import decode_json
from eventfold.formats.errors import invalid_schema

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(StrEnum):
    """What a new schema has to be able to do with those before it."""

    NONE = "NONE"
    #: Read what the last one wrote.
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    #: Be read by the last one.
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        """Whether all schemas before are meant, not only the last one."""
        return self.endswith("_TRANSITIVE")

    @property
    def reads(self) -> bool:
        """Whether the new one has to read the old ones."""
        return self.startswith(("BACKWARD", "FULL"))

    @property
    def is_read(self) -> bool:
        """Whether the old ones have to read the new one."""
        return self.startswith(("FORWARD", "FULL"))


def parse(text: str) -> Any:
    """Give the JSON of a schema. Raises RegistryError (42201) for what is no Avro schema.

    It has to be one to both libraries: what is registered is to be written with.
    """
    try:
        schema = decode_json(text)
    except (ValueError, RecursionError):
        schema = text.strip()  # a primitive type by its bare name, as Confluent's takes it
    try:
        _parsed(schema)
        fastavro.parse_schema(schema, named_schemas={})
    except (
        avro.errors.AvroException,
        fastavro.schema.SchemaParseException,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        RecursionError,
    ) as error:
        raise invalid_schema(str(error) or type(error).__name__) from error
    return schema


def _parsed(schema: Any) -> Any:
    with warnings.catch_warnings():
        # A logical type that is not known is an ordinary type (specification, "Logical Types").
        warnings.simplefilter("ignore", avro.errors.IgnoredLogicalType)
        return avro.schema.parse(json.dumps(schema))


def reasons_against(new: Any, old: Any, level: Level) -> list[str]:
    """Say why `new` may not stand beside `old` under a level; nothing if it may."""
    found = []
    if level.reads:
        found += [f"the new one can't read the old: {why}" for why in unreadable(new, old)]
    if level.is_read:
        found += [f"the old one can't read the new: {why}" for why in unreadable(old, new)]
    return found


def unreadable(reader: Any, writer: Any) -> list[str]:
    """Say why what `writer` writes can't be read by `reader`; nothing if it can."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # it is
    result = checker.get_compatibility(_parsed(reader), _parsed(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    kinds = ", ".join(dict.fromkeys(kind.value for kind in result.incompatibilities))
    said = "; ".join(sorted(result.messages))
    return [f"{kinds} at {', '.join(sorted(result.locations))}: {said}"]


def judge(new: Any, olds: Iterable[Any], level: Level) -> list[str]:
    """Say why `new` may not follow `olds` (the last of them last) under a level."""
    if level is Level.NONE:
        return []
    before = list(olds)
    asked = before if level.transitive else before[-1:]
    return [reason for old in reversed(asked) for reason in reasons_against(new, old, level)]
