"""What falls due, soonest first, where deadlines move on all the time."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

#: Things that may wait before anybody looks whether they still have to.
FEW = 1_000


class Deadlines(Generic[T]):
    """Things by their deadline (ms), which may move on, never back, without a word.

    A thing has one entry, whatever happens to it: that is corrected when it comes up too early,
    so moving a deadline costs nothing, and a thing is looked at once per deadline that passed.
    What has nothing to wait for any more is dropped before it is half of all, at the latest.
    """

    def __init__(self, deadline: Callable[[T], int | None]) -> None:
        #: Gives a thing's deadline as it is now; None once there is nothing to wait for.
        self._deadline = deadline
        #: A number keeps things of one deadline in order, and from being compared.
        self._heap: list[tuple[int, int, T]] = []
        self._numbers = count()
        #: How many entries there may be before those that are void are dropped.
        self._room = FEW

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, thing: T) -> None:
        """Wait for `thing`, which has a deadline."""
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
        """Give what falls due first, if it does by `until` (ms), and when."""
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
        """Give what falls due first, if it does by `until` (ms), and wait for it no longer."""
        found = self.first(until)
        if found is None:
            return None
        heappop(self._heap)
        return found[1]
