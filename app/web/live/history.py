"""The last records of a partition: what a reader that was away is given when it comes back."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

#: Records kept of each partition.
KEPT = 4_000


class Kept(NamedTuple):
    """A record as it was fetched; it is looked into when somebody wants it."""

    offset: int
    key: bytes
    value: bytes


class History:
    """The newest records of one partition, oldest first."""

    def __init__(self, begin: int, kept: int = KEPT) -> None:
        #: All records from here on are here.
        self.begin = begin
        #: The next offset to come.
        self.end = begin
        self._records: deque[Kept] = deque()
        self._kept = kept

    def add(self, record: Kept) -> None:
        """Add the next record."""
        self._records.append(record)
        self.end = record.offset + 1
        if len(self._records) > self._kept:
            self.begin = self._records.popleft().offset + 1

    def since(self, offset: int) -> Iterator[Kept]:
        """Give the records from `offset` on."""
        return (record for record in self._records if record.offset >= offset)
