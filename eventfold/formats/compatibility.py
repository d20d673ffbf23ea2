"""Compatibility of schemas: Avro's schema resolution under the compatibility levels of a registry.

Apache Avro's own library decides which schema can read which (specification, "Schema Resolution").
"""

import json
import warnings
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from eventfold.decoding import decode_json
from eventfold.formats.errors import invalid_schema


class Level(StrEnum):
    """Compatibility level: which of a new schema and earlier ones must read the other's records."""

    NONE = "NONE"
    #: The new schema can read records of the last one.
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    #: The last schema can read records of the new one.
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        """Whether the level applies to all earlier schemas, not only to the last one."""
        return self.endswith("_TRANSITIVE")

    @property
    def reads(self) -> bool:
        """Whether the new schema must read records of the old ones."""
        return self.startswith(("BACKWARD", "FULL"))

    @property
    def is_read(self) -> bool:
        """Whether the old schemas must read records of the new one."""
        return self.startswith(("FORWARD", "FULL"))


def parse(text: str) -> Any:
    """Return the JSON of a schema. Raises RegistryError (42201) if it is no Avro schema.

    Both libraries must accept it, since records are written with what is registered.

    >>> parse('"string"'), parse("long")
    ('string', 'long')
    """
    # The libraries of Avro are loaded with the first schema: few workers have one.
    import avro.errors  # noqa: PLC0415
    import fastavro  # noqa: PLC0415

    try:
        schema = decode_json(text)
    except (ValueError, RecursionError):
        schema = text.strip()  # the bare name of a primitive type, as Confluent's registry takes it
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
    import avro.errors  # noqa: PLC0415  # as in `parse`
    import avro.schema  # noqa: PLC0415

    with warnings.catch_warnings():
        # An unknown logical type is an ordinary type (specification, "Logical Types").
        warnings.simplefilter("ignore", avro.errors.IgnoredLogicalType)
        return avro.schema.parse(json.dumps(schema))


def reasons_against(new: Any, old: Any, level: Level) -> list[str]:
    """Return why `new` is incompatible with `old` under a level; an empty list if it is not."""
    found = []
    if level.reads:
        found += [f"the new one can't read the old: {why}" for why in unreadable(new, old)]
    if level.is_read:
        found += [f"the old one can't read the new: {why}" for why in unreadable(old, new)]
    return found


def unreadable(reader: Any, writer: Any) -> list[str]:
    """Return why `reader` can't read records of `writer`; an empty list if it can."""
    from avro.compatibility import (  # noqa: PLC0415  # as in `parse`
        ReaderWriterCompatibilityChecker,
        SchemaCompatibilityType,
    )

    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # it is
    result = checker.get_compatibility(_parsed(reader), _parsed(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    kinds = ", ".join(dict.fromkeys(kind.value for kind in result.incompatibilities))
    said = "; ".join(sorted(result.messages))
    return [f"{kinds} at {', '.join(sorted(result.locations))}: {said}"]


def judge(new: Any, olds: Iterable[Any], level: Level) -> list[str]:
    """Return why `new` may not follow `olds` (oldest first) under a level.

    >>> judge("int", ["long"], Level.FORWARD), len(judge("int", ["long"], Level.BACKWARD))
    ([], 1)
    """
    if level is Level.NONE:
        return []
    before = list(olds)
    asked = before if level.transitive else before[-1:]
    return [reason for old in reversed(asked) for reason in reasons_against(new, old, level)]
