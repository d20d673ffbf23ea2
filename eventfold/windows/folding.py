"""Folding of panes into windows: the number of merges does not grow with size / advance."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from heapq import heappop, heappush
from typing import Any, NamedTuple

from eventfold.windows.definition import Span
from eventfold.windows.panes import Evidence, Pane

#: Most panes of a window that are merged one by one; or at once, by an aggregate's `merge_runs`.
FEW, FEW_AT_ONCE = 2, 64

#: Function that merges each run `[first, stop)` of states into one; see `Aggregate`.
MergeRuns = Callable[[Sequence[Any], Sequence[tuple[int, int]]], list[Any]]


class Folded(NamedTuple):
    """One window of one key: its span (ms), its aggregate's state, and the evidence."""

    span: Span
    state: Any
    evidence: Evidence


class _Part(NamedTuple):
    state: Any
    records: int
    first: int
    last: int


class WindowFold:
    """Incremental aggregation of the ascending panes of one key into ascending windows.

    Panes pass through a queue of two stacks, one of which holds running folds. A pane costs at
    most two merges and a window one more, however many panes it holds (Tangwongsan, Hirzel,
    Schneider: "Low-latency sliding-window aggregation in worst-case constant time", DEBS 2017,
    section 2, "Two-Stacks"). A fold may be kept from one publication to the next; a pane that was
    added must not change after that.
    """

    def __init__(self, merge: Callable[[Any, Any], Any]) -> None:
        self._queue = _Queue(merge)
        self._corrections = _Corrections()
        self._waiting: deque[Pane] = deque()
        #: All panes that start before this (ms) have been added.
        self.added = 0

    def add(self, panes: Iterable[Pane], end: int) -> None:
        """Add panes: all that start before `end` (ms) and were not added yet, ascending."""
        self._waiting.extend(panes)
        self.added = end

    def windows(self, spans: Iterable[Span]) -> Iterator[Folded]:
        """Yield each of `spans` that holds a record, folded; starts and ends never descend."""
        queue, waiting, corrections = self._queue, self._waiting, self._corrections
        for span in spans:
            start, end = span
            queue.drop_before(start)
            while waiting and waiting[0].start < end:
                pane = waiting.popleft()
                if pane.start >= start:
                    queue.push(pane)
                    if pane.corrections:
                        corrections.add(pane.start, pane.corrections)
            part = queue.fold()
            if part is not None:
                late = corrections.of_window(span)
                yield Folded(span, part.state, Evidence(part.records, part.first, part.last, late))


def fold_windows(
    panes: Sequence[Pane],
    spans: Sequence[Span],
    merge: Callable[[Any, Any], Any],
    merge_runs: MergeRuns | None = None,
) -> Iterable[Folded]:
    """Fold the panes of one key into each of `spans` that holds a record.

    Panes ascend by start; starts and ends of spans never descend. Windows of few panes are merged
    without a queue, which would be more work.
    """
    held, runs = _runs([pane.start for pane in panes], spans)
    if not runs:
        return ()
    widest = max([stop - first for first, stop in runs])
    if widest > (FEW if merge_runs is None else FEW_AT_ONCE):
        fold = WindowFold(merge)
        fold.add(panes, 0)
        return fold.windows(held)
    states = [pane.state for pane in panes]
    if merge_runs is not None and widest > 1:
        merged = merge_runs(states, runs)
    else:
        merged = [reduce(merge, states[first:stop]) for first, stop in runs]
    return map(Folded, held, merged, _evidence(panes, held, runs))


def _runs(starts: Sequence[int], spans: Iterable[Span]) -> tuple[list[Span], list[tuple[int, int]]]:
    """Return the spans that hold one of `starts`, and for each the range of indexes it holds."""
    held: list[Span] = []
    runs: list[tuple[int, int]] = []
    first, stop, count = 0, 0, len(starts)
    for span in spans:
        start, end = span
        while first < count and starts[first] < start:
            first += 1
        while stop < count and starts[stop] < end:
            stop += 1
        if first < stop:
            held.append(span)
            runs.append((first, stop))
    return held, runs


def _evidence(
    panes: Sequence[Pane], spans: Sequence[Span], runs: Sequence[tuple[int, int]]
) -> list[Evidence]:
    counts = [pane.count for pane in panes]
    firsts = [pane.first_offset for pane in panes]
    lasts = [pane.last_offset for pane in panes]
    late = [0] * len(runs)
    if any([pane.corrections is not None for pane in panes]):  # noqa: C419  # three times as fast
        late = [_late(panes[i:j], span.end) for span, (i, j) in zip(spans, runs, strict=True)]
    return [
        Evidence(sum(counts[i:j]), min(firsts[i:j]), max(lasts[i:j]), corrections)
        for (i, j), corrections in zip(runs, late, strict=True)
    ]


def _late(panes: Sequence[Pane], end: int) -> int:
    """Count the records in `panes` that arrived after their window's end, `end` (ms)."""
    return sum(
        records
        for pane in panes
        for reached, records in (pane.corrections or {}).items()
        if reached >= end
    )


class _Queue:
    """A first-in first-out queue of panes with the fold of all panes in it."""

    def __init__(self, merge: Callable[[Any, Any], Any]) -> None:
        self._merge = merge
        #: Running folds of the older panes, each with the start of its oldest pane: the last entry
        #: is the fold of all of them.
        self._old: list[tuple[int, _Part]] = []
        self._new: list[Pane] = []
        self._new_fold: _Part | None = None

    def push(self, pane: Pane) -> None:
        self._new.append(pane)
        self._new_fold = self._join(self._new_fold, _part(pane))

    def drop_before(self, start: int) -> None:
        while self._old and self._old[-1][0] < start:
            self._old.pop()
        if not self._old and self._new and self._new[0].start < start:
            self._turn(start)

    def fold(self) -> _Part | None:
        return self._join(self._old[-1][1] if self._old else None, self._new_fold)

    def _turn(self, start: int) -> None:
        fold = None
        for pane in reversed(self._new):
            if pane.start < start:
                break
            fold = self._join(_part(pane), fold)
            self._old.append((pane.start, fold))
        self._new.clear()
        self._new_fold = None

    def _join(self, left: _Part | None, right: _Part | None) -> Any:
        if left is None or right is None:
            return right if left is None else left
        return _Part(
            self._merge(left.state, right.state),
            left.records + right.records,
            min(left.first, right.first),
            max(left.last, right.last),
        )


class _Corrections:
    """Counter of the late records of ascending windows.

    A late record in a pane, which arrived at the stream time `reached`, is late for the windows
    that hold the pane and had ended by then: `window.start <= pane.start`, `window.end <= reached`.
    """

    def __init__(self) -> None:
        #: Each entry is a list of one number, in both orders; emptying it removes it from both.
        self._by_reached: list[tuple[int, int, list[int]]] = []
        self._by_start: deque[tuple[int, list[int]]] = deque()
        self._count = 0

    def add(self, start: int, corrections: dict[int, int]) -> None:
        for reached, records in corrections.items():
            entry = [records]
            heappush(self._by_reached, (reached, start, entry))
            self._by_start.append((start, entry))
            self._count += records

    def of_window(self, span: Span) -> int:
        while self._by_reached and self._by_reached[0][0] < span.end:
            self._remove(heappop(self._by_reached)[2])
        while self._by_start and self._by_start[0][0] < span.start:
            self._remove(self._by_start.popleft()[1])
        return self._count

    def _remove(self, entry: list[int]) -> None:
        self._count -= sum(entry)
        entry.clear()


def _part(pane: Pane) -> _Part:
    return _Part(pane.state, pane.count, pane.first_offset, pane.last_offset)
