"""How much memory a worker's folded and uncommitted results take, and when folding has to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiokafka import TopicPartition

#: What Python's objects around a record take beside its key and value (bytes, measured).
OVERHEAD = 200


def size_of(records: Iterable[tuple[bytes, bytes | None]]) -> int:
    """Return the memory (bytes, estimated) that keys and values to write take."""
    return sum(OVERHEAD + len(key) + len(value or b"") for key, value in records)


class Outgoing:
    """Measures records that wait to be written: each once, however often it is asked."""

    def __init__(self) -> None:
        self._bytes = 0
        #: How many have been measured.
        self.records = 0
        self._measured: dict[tuple[str, int], int] = {}

    def measure(
        self, outputs: Mapping[tuple[str, int], Sequence[tuple[bytes, bytes | None, object]]]
    ) -> int:
        """Return the memory (bytes) of `outputs`, which have only grown since the last call."""
        for place, records in outputs.items():
            more = records[self._measured.get(place, 0) :]
            if more:
                self._bytes += size_of((key, value) for key, value, _ in more)
                self.records += len(more)
                self._measured[place] = len(records)
        return self._bytes


class Uncommitted:
    """The uncommitted bytes of a worker's tasks, and their common limit.

    Beyond the limit those tasks wait that hold more than their share of it. So one whose
    transactions hang does not stop the others, and all together hold twice the limit at most,
    the batches that were fetched already, and what these publish.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[TopicPartition, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """What all tasks hold (bytes)."""
        return self._total

    def of(self, tp: TopicPartition) -> int:
        """Return what a task holds (bytes)."""
        return self._held.get(tp, 0)

    def note(self, tp: TopicPartition, held: int) -> None:
        """Note what a task holds now (bytes)."""
        self._total += held - self._held.get(tp, 0)
        self._held[tp] = held

    def forget(self, tp: TopicPartition) -> None:
        """Forget a task that is closed."""
        self._total -= self._held.pop(tp, 0)

    def exceeded_by(self, tp: TopicPartition) -> bool:
        """Return whether there is too much of it, and a task holds more than its share."""
        return self._total > self._limit and self.of(tp) * len(self._held) > self._limit
