"""A cache bounded in bytes, which keeps the entries used last."""

from collections.abc import Callable, Sized
from typing import TypeVar

K = TypeVar("K", bound=Sized)
V = TypeVar("V")

#: Estimated bytes of an entry besides its key's text: the slot in the dict, two small objects.
ENTRY = 200

#: Default limit of a cache, in bytes.
LIMIT = 16 << 20


class Recent(dict[K, V]):
    """Cache of values by key (text or bytes) in about `limit` bytes; `make` computes a missing one.

    There are two generations. When the young one reaches half of the bytes it becomes the old
    one, and the entries of the previous old one are dropped unless they were read since. So a hit
    costs as much as a dict's. Without `make`, an unknown key raises KeyError. `get` and `in` find
    keys of the young generation only.

    >>> length = Recent(len)
    >>> length["AAPL"]
    4
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
            # The key's length counts twice, since a value often contains the key's text.
            size = ENTRY + 2 * len(key)
            if self._bytes + size > self._half:
                self._old = dict(self)
                self.clear()
                self._bytes = 0
            self._bytes += size
        super().__setitem__(key, value)

    @property
    def remembered(self) -> int:
        """Number of entries of both generations; a key that is in both counts twice."""
        return len(self) + len(self._old)
