"""History of a partition: its latest records, from which a returning reader catches up."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

#: Maximum number of records kept of each partition, and of bytes of their keys and values.
KEPT, KEPT_BYTES = 4_000, 4 << 20


class Kept(NamedTuple):
    """Record as it was fetched; its value is decoded only when a reader wants it."""

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
        #: First offset from which on the history is complete.
        self.begin = begin
        #: Next offset to add.
        self.end = begin
        self._records: deque[Kept] = deque()
        self._bytes = 0
        self._kept, self._kept_bytes = kept, kept_bytes

    def add(self, record: Kept) -> None:
        """Add the next record; drop the oldest ones beyond the limits."""
        self._records.append(record)
        self._bytes += record.size
        self.end = record.offset + 1
        while len(self._records) > self._kept or self._bytes > self._kept_bytes:
            oldest = self._records.popleft()
            self._bytes -= oldest.size
            self.begin = oldest.offset + 1

    def since(self, offset: int) -> Iterator[Kept]:
        """Yield the records from `offset` on."""
        return (record for record in self._records if record.offset >= offset)
