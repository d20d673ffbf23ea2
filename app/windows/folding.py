"""Folds panes into windows, with a number of merges that does not grow with size / advance."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from app.windows.panes import Evidence, Pane
from app.windows.windowers import Window


class Folded(NamedTuple):
    """One window of one key: its start (ms), its aggregate's state, and the evidence."""

    start: int
    state: Any
    evidence: Evidence


class _Part(NamedTuple):
    state: Any
    records: int
    first: int
    last: int


def fold_windows(
    panes: Sequence[Pane],
    window: Window,
    starts: Iterable[int],
    merge: Callable[[Any, Any], Any],
) -> Iterator[Folded]:
    """Give the windows that begin at `starts` (ms, ascending) and hold a record.

    `panes` are those of one key, ascending by start. They pass through a queue made of two
    stacks, one of which holds running folds: a pane costs at most two merges and a window one
    more, however many panes it holds (Tangwongsan, Hirzel, Schneider: "Low-latency sliding-window
    aggregation in worst-case constant time", DEBS 2017, section 2, "Two-Stacks").
    """
    queue = _Queue(merge)
    corrections = _Corrections(panes, window.size)
    upcoming = iter(panes)
    pane = next(upcoming, None)
    for start in starts:
        end = start + window.size
        queue.drop_before(start)
        while pane is not None and pane.start < end:
            if pane.start >= start:
                queue.push(pane)
            pane = next(upcoming, None)
        part = queue.fold()
        if part is not None:
            late = corrections.of_window(end)
            evidence = Evidence(part.records, part.first, part.last, late)
            yield Folded(start, part.state, evidence)


class _Queue:
    """A first-in first-out queue of panes that knows the fold of all that it holds."""

    def __init__(self, merge: Callable[[Any, Any], Any]) -> None:
        self._merge = merge
        #: Folds of the older panes: the last entry is the fold of all of them.
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
    """Counts the corrections of windows, asked for in ascending order, in one pass.

    One in a pane at `start`, made when stream time had reached `reached`, is a correction of the
    windows that hold the pane and had ended by then: `start < end <= min(reached, start + size)`.
    """

    def __init__(self, panes: Iterable[Pane], size: int) -> None:
        changes = []
        for pane in panes:
            for reached, records in (pane.corrections or {}).items():
                changes.append((pane.start + 1, records))
                changes.append((min(reached, pane.start + size) + 1, -records))
        #: (end from which on, how many more), the next one last.
        self._changes = sorted(changes, reverse=True)
        self._count = 0

    def of_window(self, end: int) -> int:
        while self._changes and self._changes[-1][0] <= end:
            self._count += self._changes.pop()[1]
        return self._count


def _part(pane: Pane) -> _Part:
    return _Part(pane.state, pane.count, pane.first_offset, pane.last_offset)
