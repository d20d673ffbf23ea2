"""The dead letter, a record type of every pipeline."""

from msgspec import Struct

from eventfold.records.fields import Integer


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
