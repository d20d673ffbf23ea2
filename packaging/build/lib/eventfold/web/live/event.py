"""Event: one committed record of an output topic, on its way to the readers that watch it."""

from dataclasses import dataclass
from functools import cached_property

import msgspec

from eventfold.decoding import json_decoder
from eventfold.web.live.frame import frame
from eventfold.windows.windowers import Window


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
    """Record with its place in the topic and its JSON, unchanged.

    What is derived from it is computed once for all readers.
    """

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
