"""The last records of a partition: what a reader that was away is given when it comes back."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

#: Records kept of each partition, and bytes of their keys and values.
KEPT, KEPT_BYTES = 4_000, 4 << 20


class Kept(NamedTuple):
    """A record as it was fetched; it is looked into when somebody wants it."""

    offset: int
    key: bytes
    value: bytes

    @property
    def size(self) -> int:
        """Bytes of its key and value."""
        return len(self.key) + len(self.value)


class History:
    """The newest records of one partition, oldest first."""

    def __init__(self, begin: int, kept: int = KEPT, kept_bytes: int = KEPT_BYTES) -> None:
        #: All records from here on are here.
        self.begin = begin
        #: The next offset to come.
        self.end = begin
        self._records: deque[Kept] = deque()
        self._bytes = 0
        self._kept, self._kept_bytes = kept, kept_bytes

    def add(self, record: Kept) -> None:
        """Add the next record."""
        self._records.append(record)
        self._bytes += record.size
        self.end = record.offset + 1
        while len(self._records) > self._kept or self._bytes > self._kept_bytes:
            oldest = self._records.popleft()
            self._bytes -= oldest.size
            self.begin = oldest.offset + 1

    def since(self, offset: int) -> Iterator[Kept]:
        """Give the records from `offset` on."""
        return (record for record in self._records if record.offset >= offset)
