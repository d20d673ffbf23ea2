"""Memory of a worker's folded and uncommitted results, and the limit at which folding waits."""

from collections.abc import Iterable, Mapping, Sequence

from aiokafka import TopicPartition

#: Memory of Python's objects around a record, besides its key and value (bytes, measured).
OVERHEAD = 200


def size_of(records: Iterable[tuple[bytes, bytes | None]]) -> int:
    """Return the memory (bytes, estimated) of keys and values to write."""
    return sum(OVERHEAD + len(key) + len(value or b"") for key, value in records)


class Outgoing:
    """Memory of records that wait to be written; each record is measured once."""

    def __init__(self) -> None:
        self._bytes = 0
        #: Number of records measured.
        self.records = 0
        self._measured: dict[tuple[str, int], int] = {}

    def measure(
        self, outputs: Mapping[tuple[str, int], Sequence[tuple[bytes, bytes | None, object]]]
    ) -> int:
        """Return the memory (bytes) of `outputs`, which may only have grown since the last call."""
        for place, records in outputs.items():
            more = records[self._measured.get(place, 0) :]
            if more:
                self._bytes += size_of((key, value) for key, value, _ in more)
                self.records += len(more)
                self._measured[place] = len(records)
        return self._bytes


class Uncommitted:
    """Uncommitted bytes of a worker's tasks, and their common limit.

    Beyond the limit, only tasks that hold more than an equal share of it wait. So one whose
    transactions hang does not stop the others, and all together hold at most twice the limit, the
    batches that were fetched already, and what these publish.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[TopicPartition, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """Uncommitted bytes of all tasks."""
        return self._total

    def of(self, tp: TopicPartition) -> int:
        """Return the uncommitted bytes of a task."""
        return self._held.get(tp, 0)

    def note(self, tp: TopicPartition, held: int) -> None:
        """Set the uncommitted bytes of a task."""
        self._total += held - self._held.get(tp, 0)
        self._held[tp] = held

    def forget(self, tp: TopicPartition) -> None:
        """Remove a task that is closed."""
        self._total -= self._held.pop(tp, 0)

    def exceeded_by(self, tp: TopicPartition) -> bool:
        """Return whether the total is over the limit and a task holds more than its share."""
        return self._total > self._limit and self.of(tp) * len(self._held) > self._limit
