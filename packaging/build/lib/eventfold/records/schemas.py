"""Entries of the workers' own schema registry."""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import HIGHEST, EventTime

Positive = Annotated[int, Meta(ge=1, le=HIGHEST)]


class SchemaVersion(Struct, frozen=True, tag="version", tag_field="kind"):
    """A version of a subject: its schema (JSON) and the schema id that records are written with."""

    key: str
    subject: str
    version: Positive
    id: Positive
    schema: str
    time: EventTime
    deleted: bool = False


class SchemaLevel(Struct, frozen=True, tag="level", tag_field="kind"):
    """Compatibility level of a subject; an empty subject sets the default of all others."""

    key: str
    subject: str
    level: str | None
    time: EventTime
