"""Record types that every application has, and the types of their fields.

Records are JSON objects; times are integer milliseconds since the epoch, UTC. Unknown fields are
ignored. Decoding (msgspec) checks types and bounds; its error names the invalid field.
"""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import (
    EARLIEST,
    HIGHEST,
    LARGEST,
    LATEST,
    EventTime,
    Integer,
    Name,
    Text,
)

__all__ = [
    "EARLIEST",
    "LARGEST",
    "LATEST",
    "DeadLetter",
    "EventTime",
    "Name",
    "ResentRecord",
    "SchemaLevel",
    "SchemaVersion",
    "Text",
    "TopicOwner",
]


class DeadLetter(Struct, frozen=True, gc=False):
    """A record that could not be read or processed, byte for byte (base64), and the error."""

    topic: str
    partition: Integer
    offset: Integer
    key: str | None
    value: bytes | None
    error: str
    stage: str
    time: Integer


class ResentRecord(Struct, frozen=True):
    """A dead record that was sent again: its coordinates before and after, as ticks-3-1042."""

    record: str
    #: Id of its topic ("" without): another topic of that name has other records.
    topic_id: str
    #: Coordinates of the dead letter that it was sent for.
    letter: str
    #: Coordinates of the record as it was sent.
    sent: str
    #: Application that sent it.
    application: str
    #: Whether key or value were changed.
    fixed: bool
    time: Integer


class TopicOwner(Struct, frozen=True):
    """The owner of a topic: the only application that writes it, and the application's prefix."""

    topic: str
    application: str
    prefix: str
    #: Time of the claim (ms).
    time: EventTime


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
