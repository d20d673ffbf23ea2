"""One committed record of an output topic, on its way to whoever watches it."""

from dataclasses import dataclass
from functools import cached_property

import msgspec

from eventfold.decoding import json_decoder
from eventfold.web.live.frame import frame
from eventfold.windows.windowers import Window


class Shape(msgspec.Struct, frozen=True, gc=False):
    """What of a record says which one it replaces."""

    revision: int | None = None
    size: int | None = None
    advance: int | None = None
    start: int | None = None


_decode = json_decoder(Shape)
_LOG = Shape()


@dataclass(frozen=True)
class Event:
    """A record: where it stands, and its JSON as it stands there.

    What is made of it is made once, for all readers.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    shape: Shape

    @cached_property
    def framed(self) -> bytes:
        """The event as it is sent, without an id."""
        return frame(self.topic, self.value)

    @cached_property
    def identity(self) -> tuple[object, ...]:
        """What a newer event replaces: the result of a key and window, or nothing but itself.

        Results have a `revision`; what has none is one entry of a log.
        """
        shape = self.shape
        if shape.revision is None:
            return self.topic, self.partition, self.offset
        return self.topic, self.key, shape.size, shape.advance, shape.start

    def is_of(self, window: Window | None) -> bool:
        """Say whether this is a result of such windows; of any where None."""
        return window is None or (self.shape.size, self.shape.advance) == (
            window.size,
            window.advance,
        )


def shape_of(value: bytes) -> Shape:
    """Read what says which record `value` (JSON) replaces."""
    try:
        return _decode(value)
    except msgspec.MsgspecError:
        return _LOG
