"""A mapping bounded in bytes: what was used last is remembered."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import TypeVar

K = TypeVar("K", bound=Sized)
V = TypeVar("V")

#: Memory of an entry beside the text of its key: the place in the table, two small objects.
ENTRY = 200

#: Bytes of a mapping that nobody asked to be smaller.
LIMIT = 16 << 20


class Recent(dict[K, V]):
    """Values by key (text or bytes), in about `limit` bytes; `make` computes one that is missing.

        partition_of = Recent(compute_partition)
        partition_of[b"AAPL"]

    There are two generations: when the young one has half of the bytes, it becomes the old one,
    and what that had is forgotten unless it was asked for since. So a hit costs what a dict's
    does. Without `make` a key that is not known raises KeyError; `get` sees the young ones alone.
    """

    def __init__(self, make: Callable[[K], V] | None = None, *, limit: int = LIMIT) -> None:
        super().__init__()
        self._make = make
        self._half = limit // 2
        self._bytes = 0
        self._old: dict[K, V] = {}

    def __missing__(self, key: K) -> V:
        if key in self._old:
            value = self._old[key]
        elif self._make is None:
            raise KeyError(key)
        else:
            value = self._make(key)
        self[key] = value
        return value

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self:
            # Twice: a value is often made of the key's text.
            size = ENTRY + 2 * len(key)
            if self._bytes + size > self._half:
                self._old = dict(self)
                self.clear()
                self._bytes = 0
            self._bytes += size
        super().__setitem__(key, value)

    @property
    def remembered(self) -> int:
        """How many keys are known, of both generations."""
        return len(self) + len(self._old)
