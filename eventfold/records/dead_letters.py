"""Of every pipeline: what could not be processed."""

from msgspec import Struct

from eventfold.records.fields import Integer


class DeadLetter(Struct, frozen=True, gc=False):
    """What could not be read or processed, byte for byte (base64), and why."""

    topic: str
    partition: Integer
    offset: Integer
    key: str | None
    value: bytes | None
    error: str
    stage: str
    time: Integer
