"""Queue of things by deadline, earliest first, for deadlines that advance all the time."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

#: Entries allowed before void ones are dropped, beside twice those left by the last time.
FEW = 1_000


class Deadlines(Generic[T]):
    """Things by deadline (ms); a deadline may advance, never go back, without notice.

    A thing has one entry, which is corrected when it comes up too early: advancing a deadline costs
    nothing, and a thing is checked once per deadline that passed. An entry is void once its thing
    has no deadline. Void ones are dropped when they come up, or when there are more than `FEW`
    entries beside twice those that were left the last time.
    """

    def __init__(self, deadline: Callable[[T], int | None]) -> None:
        #: Returns a thing's present deadline; None once there is nothing to wait for.
        self._deadline = deadline
        #: The number orders things of one deadline, so that things are never compared.
        self._heap: list[tuple[int, int, T]] = []
        self._numbers = count()
        #: Most entries before the void ones are dropped.
        self._room = FEW

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, thing: T) -> None:
        """Add `thing` with its deadline; ignore one that has none."""
        deadline = self._deadline(thing)
        if deadline is not None:
            heappush(self._heap, (deadline, next(self._numbers), thing))
            if len(self._heap) > self._room:
                self._drop_void()

    def _drop_void(self) -> None:
        self._heap = [entry for entry in self._heap if self._deadline(entry[2]) is not None]
        heapify(self._heap)
        self._room = FEW + 2 * len(self._heap)

    def first(self, until: int) -> tuple[int, T] | None:
        """Return the earliest deadline (ms) and its thing, or None if none is due by `until`."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            noted, number, thing = heap[0]
            deadline = self._deadline(thing)
            if deadline is None:
                heappop(heap)
            elif deadline > noted:
                heapreplace(heap, (deadline, number, thing))
            else:
                return noted, thing
        return None

    def pop(self, until: int) -> T | None:
        """Remove and return the thing due first, or None if none is due by `until` (ms)."""
        found = self.first(until)
        if found is None:
            return None
        heappop(self._heap)
        return found[1]
