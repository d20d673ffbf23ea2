"""Partitions that the keys of a table were seen in, to detect a key that is in two of them."""

from collections import defaultdict
from collections.abc import Collection

#: Memory (bytes) for a table's remembered keys; when it is full, all of them are forgotten.
ROOM = 16 << 20

#: Memory (bytes) that remembering a key takes beside the key itself.
OVERHEAD = 100

#: Most bytes of a key that are shown in a log line or an error.
MOST_SHOWN = 200


class KeyPlaces:
    """Partitions that keys were seen in, within `room` bytes."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._used = 0
        self._seen: defaultdict[int, set[bytes]] = defaultdict(set)

    def knows(self, key: bytes, partition: int) -> bool:
        """Return whether a key was seen in a partition."""
        return key in self._seen[partition]

    def add(self, keys: Collection[bytes], partition: int) -> list[tuple[bytes, int]]:
        """Add the partition of some keys; return those seen in another one, with that partition.

        A key is returned once, even if it is seen in a third partition; and again only after all
        keys were forgotten for lack of room.
        """
        # Set operations run in C: a batch of known keys costs about 40 ns a record.
        fresh = set(keys) - self._seen[partition]
        if not fresh:
            return []
        needed = sum(map(len, fresh)) + OVERHEAD * len(fresh)
        if self._used + needed > self._room:
            self._seen.clear()
            self._used = 0
        if needed > self._room:
            return []
        split: dict[bytes, list[int]] = {}
        for other, known in self._seen.items():
            for key in fresh & known:
                split.setdefault(key, []).append(other)
        self._seen[partition] |= fresh
        self._used += needed
        return sorted((key, others[0]) for key, others in split.items() if len(others) == 1)
