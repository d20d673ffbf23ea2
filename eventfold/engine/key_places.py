"""Which partition each key of a table was seen in, to notice one that is in two of them."""

from collections import defaultdict
from collections.abc import Collection

#: Bytes of keys and of what holds them that are remembered of a table; then it starts anew.
ROOM = 16 << 20

#: Bytes that remembering a key takes beside the key itself.
OVERHEAD = 100

#: So many bytes of a key are shown in a line of the log, or in an error.
MOST_SHOWN = 200


class KeyPlaces:
    """The partitions in which keys were seen, within `room` bytes."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._used = 0
        self._seen: defaultdict[int, set[bytes]] = defaultdict(set)

    def knows(self, key: bytes, partition: int) -> bool:
        """Return whether a key was seen in a partition."""
        return key in self._seen[partition]

    def add(self, keys: Collection[bytes], partition: int) -> list[tuple[bytes, int]]:
        """Note the partition of some keys; return those that are split, with the other partition.

        A key is returned once, also where it turns up in a third partition; again only after
        there was no more room.
        """
        # Set by set in C: a batch of known keys costs about 40 ns a record.
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
