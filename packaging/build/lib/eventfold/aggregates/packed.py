"""The protocol of objects in a state, besides numbers, text and containers."""

from typing import Protocol, Self


class Packed(Protocol):
    """An object that a row stores as the bytes that it returns.

    A state annotates the field with the object's class. Each checkpoint packs the object for each
    pane that changed, so `to_bytes` should take a few microseconds at most.
    """

    def to_bytes(self) -> bytes:
        """Return bytes that `from_bytes` parses."""

    @classmethod
    def from_bytes(cls, raw: bytes, /) -> Self:
        """Return the object that `raw` was made from. Raises ValueError for invalid bytes."""
