"""Event: one committed record of an output topic, and its wire format for readers."""

from dataclasses import dataclass
from functools import cached_property

import msgspec

from eventfold.decoding import json_decoder
from eventfold.windows.fixed import Window

#: Replaces bytes that end a line or void an id. JSON has them between its tokens only, where a
#: blank means the same.
_BLANKS = bytes.maketrans(b"\r\n\0", b"   ")


def frame(name: str, data: bytes, *, last_id: str = "") -> bytes:
    r"""Return exactly one event with the JSON `data`, for any bytes in the arguments.

    >>> frame("surges", b'{"a":\r1}')
    b'event: surges\ndata: {"a": 1}\n\n'
    """
    fields = (b"id", last_id.encode()), (b"event", name.encode()), (b"data", data)
    lines = (b"%b: %b\n" % (field, text.translate(_BLANKS)) for field, text in fields if text)
    return b"".join(lines) + b"\n"


class Shape(msgspec.Struct, frozen=True, gc=False):
    """Fields of a record that identify the record it replaces; sizes and times are in ms."""

    revision: int | None = None
    size: int | None = None
    advance: int | None = None
    start: int | None = None


_decode = json_decoder(Shape)
_LOG = Shape()


@dataclass(frozen=True)
class Event:
    """Record with its place and JSON; what derives from it is computed once for all."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    shape: Shape

    @cached_property
    def framed(self) -> bytes:
        """Server-sent event of the record, without an id."""
        return frame(self.topic, self.value)

    @cached_property
    def identity(self) -> tuple[object, ...]:
        """Identity by which a newer event replaces this one: topic, key and window of a result.

        A record without a `revision` is a log entry, which nothing replaces.
        """
        shape = self.shape
        if shape.revision is None:
            return self.topic, self.partition, self.offset
        return self.topic, self.key, shape.size, shape.advance, shape.start

    def is_of(self, window: Window | None) -> bool:
        """Return whether this is a result of windows like `window`; True for None."""
        return window is None or (self.shape.size, self.shape.advance) == (
            window.size,
            window.advance,
        )


def shape_of(value: bytes) -> Shape:
    """Parse the shape of a record `value` (JSON); return that of a log entry if it has none."""
    try:
        return _decode(value)
    except msgspec.MsgspecError:
        return _LOG
