"""What a state may hold beside numbers, text and containers: objects that pack themselves."""

from typing import Protocol, Self


class Packed(Protocol):
    """An object that a row stores as the bytes it makes of itself.

    A state's fields are annotated with its class. Packing happens at each checkpoint for each
    pane that changed, so it should cost a few microseconds at most.
    """

    def to_bytes(self) -> bytes:
        """Give bytes that `from_bytes` understands."""

    @classmethod
    def from_bytes(cls, raw: bytes, /) -> Self:
        """Give the object that `raw` was made of. Raises ValueError where it was made of none."""
