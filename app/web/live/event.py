"""One committed record of an output topic, on its way to whoever watches it."""

from typing import NamedTuple

import msgspec

from app.windows.windowers import Window


class Shape(msgspec.Struct, frozen=True, gc=False):
    """What of a record says which one it replaces."""

    revision: int | None = None
    size: int | None = None
    advance: int | None = None
    start: int | None = None


_decode = msgspec.json.Decoder(Shape).decode
_LOG = Shape()


class Event(NamedTuple):
    """A record: where it stands, and its JSON as it stands there."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    shape: Shape

    @property
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

    @property
    def text(self) -> bytes:
        """The event as it is sent, without an id."""
        return b"event: %b\ndata: %b\n" % (self.topic.encode(), self.value)


def shape_of(value: bytes) -> Shape:
    """Read what says which record `value` (JSON) replaces."""
    try:
        return _decode(value)
    except msgspec.MsgspecError:
        return _LOG
