"""Publishing the windows of one partition: which changed or became final, folded from panes."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from app.state.native_candles import publication
from app.state.pane_folding import PaneFolding
from app.state.rows import OPEN
from app.windows import (
    Evidence,
    Folded,
    Pane,
    Span,
    Window,
    WindowFamily,
    WindowFold,
    fold_windows,
    horizon,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from app.state.partition import Row
    from app.state.store import Store
    from app.state.window_table import WindowTable

#: About so many windows become final in one publication.
SLICE = 4_000

_start = attrgetter("start")


class _Folding(NamedTuple):
    """What is being folded, for the message of an error."""

    key: str
    window: WindowFamily

    def __str__(self) -> str:
        return f"window {self.window} of key {self.key!r}"


class _Near(NamedTuple):
    """Windows that hold one of `panes` (ascending starts) and end in (after, until], ms."""

    panes: Sequence[int]
    after: int
    until: int


class PanePublishing(PaneFolding):
    """Which panes changed since the last publication, and what is said of their windows."""

    def __init__(self, table: WindowTable, partition: int, store: Store, *, leads: bool) -> None:
        super().__init__(table, partition, store, leads=leads)
        #: Rows of the next snapshot.
        self._rows: list[Row] = []
        self._unpublished: list[Pane] = []
        #: Folds that go on from one publication to the next.
        self._folds: dict[WindowFamily, dict[bytes, WindowFold]] = {
            window: {} for window in table.windows if table.keeps_fold(window)
        }

    @property
    def unpublished(self) -> bool:
        """Whether windows changed, or became final, since the last publication."""
        return bool(self._unpublished) or self.behind or self.position != self.meta.published

    def _mark_unpublished(self, pane: Pane) -> None:
        if not pane.unpublished:
            pane.unpublished = True
            self._unpublished.append(pane)

    def _publish_windows(self) -> None:
        # Before the publication: what changes from here on awaits the next one.
        self._rows += self._encode_dirty()
        before, until = self.meta.finalised, self._next_horizon()
        # From here on a result that ends by then says it is final.
        self.meta.finalised = until
        changed = self._take_changed()
        for window in self.table.pane_windows:
            self._publish_panes(window, changed, before, until)
        if self.table.folded_windows:
            starts: dict[bytes, list[int]] = {}
            for pane in changed:
                starts.setdefault(pane.key, []).append(pane.start)
            windows = [(each, self._native_publication(each)) for each in self.table.folded_windows]
            # Sorted, so that what is published does not depend on the process.
            for key in sorted(starts.keys() | self._keys_closing(before, until)):
                self._publish_key(key, windows, sorted(starts.get(key, ())), before, until)
            for _, native in windows:
                self._said.update(native.told if native else ())

    def _take_changed(self) -> Sequence[Pane]:
        """Give the panes changed since the last publication, where changes are said."""
        if self.table.looks_back:
            self._relate()
        changed, self._unpublished = self._unpublished, []
        for pane in changed:
            pane.unpublished = False
        return changed if self.table.says_changes and not self.table.says_every_change else ()

    def _publish_panes(
        self, window: WindowFamily, changed: Iterable[Pane], before: int, until: int
    ) -> None:
        """Publish windows that are one pane each: nothing has to be folded."""
        size = window.size
        panes = [
            pane
            for start, panes in self._by_start.items()
            if before < start + size <= until
            for pane in panes
        ]
        if self.table.says_changes_of(window):
            opened = self._after - size
            panes += [pane for pane in changed if pane.start > opened]
        native = self._native_publication(window)
        for pane in sorted(panes, key=_start):
            self.saying = native
            if native is not None and native.say_pane(pane):
                continue
            start = pane.start
            span, late = Span(start, start + size), 0
            if pane.corrections is not None:
                late = sum(pane.corrections.values())
            evidence = Evidence(pane.count, pane.first_offset, pane.last_offset, late)
            self._emit(self._result(pane.key.decode(), window, span, pane.state, evidence))
        self._said.update(native.told if native else ())

    @property
    def _after(self) -> int:
        """Which windows are said as changed: those that end after this (ms).

        What is final already, but for a later slice of work, waits for that.
        """
        return horizon(self.meta.stream_time, self.table.grace)

    def _native_publication(self, window: WindowFamily) -> Any | None:
        """Give what publishes a kind of window by the extension; None where that can't."""
        native = self._native
        if native is None or window in self._folds or not isinstance(window, Window):
            return None
        return publication(
            native,
            window,
            outputs=self._outputs,
            places=self._places,
            before=self._before,
            partition=self.partition,
            stream_time=self.meta.stream_time,
            finalised=self.meta.finalised,
        )

    def _publish_key(
        self,
        key: bytes,
        windows: Iterable[tuple[WindowFamily, Any | None]],
        changed: list[int],
        before: int,
        until: int,
    ) -> None:
        panes, name, after = self._panes[key], key.decode(), self._after
        starts = sorted(panes)
        for window, native in windows:
            self.saying = native or _Folding(name, window)
            parts = [(starts, before, until)]
            if changed and self.table.says_changes_of(window):
                # By itself: between the two may be many panes that neither needs.
                parts.append((changed, after, OPEN))
            for near, begin, end in parts:
                if native is None or not native.say(key, name, panes, starts, near, begin, end):
                    self._say_windows(name, window, panes, starts, _Near(near, begin, end))

    def _say_windows(
        self,
        name: str,
        window: WindowFamily,
        panes: dict[int, Pane],
        starts: list[int],
        near: _Near,
    ) -> None:
        """Say the windows of a key near some of its panes; `starts` are those of all `panes`."""
        spans = list(spans_of(window, near.panes, starts, near.after, near.until))
        folded: Iterable[Folded]
        if window in self._folds:
            folded = self._kept_fold(window, panes, starts, near.until).windows(spans)
        else:
            folded = self._fold_panes(panes, starts, spans)
        for span, state, evidence in folded:
            self._emit(self._result(name, window, span, state, evidence))

    def _fold_panes(
        self, panes: dict[int, Pane], starts: Sequence[int], spans: Sequence[Span]
    ) -> Iterable[Folded]:
        """Fold some windows of a key, ascending; `starts` are those of its `panes`."""
        if not spans:
            return ()
        first, end = bisect_left(starts, spans[0].start), bisect_left(starts, spans[-1].end)
        needed = [panes[start] for start in starts[first:end]]
        return fold_windows(needed, spans, self.table.aggregate.merge, self.table.merge_runs)

    def _kept_fold(
        self, window: WindowFamily, panes: dict[int, Pane], starts: list[int], until: int
    ) -> WindowFold:
        """Give the fold of final windows, which goes on: what ends by `until` doesn't change."""
        key = panes[starts[0]].key
        fold = self._folds[window].get(key)
        if fold is None:
            fold = self._folds[window][key] = WindowFold(self.table.aggregate.merge)
        # The pane that `until` is in may still get records, and be preceded by a new one.
        settled = self.table.slices.floor(until)
        new = starts[bisect_left(starts, fold.added) : bisect_left(starts, settled)]
        fold.add([panes[start] for start in new], settled)
        return fold

    def _say_changes(self, key: bytes, time: int, offset: int) -> None:
        """Say the windows that the record just folded is in, if it is in any."""
        panes = self._panes.get(key, {})
        pane = panes.get(self.table.slices.start_of(time))
        if pane is None or pane.last_offset != offset:
            return
        limit = horizon(self.meta.stream_time, self.table.grace)
        starts = sorted(panes)
        for window in self.table.windows:
            spans = list(spans_of(window, [pane.start], starts, limit))
            for span, state, evidence in self._fold_panes(panes, starts, spans):
                self._emit(self._result(key.decode(), window, span, state, evidence))

    def _next_horizon(self) -> int:
        """Give up to when windows become final now; not all at once after a leap in time."""
        before = self.meta.finalised
        until = max(before, horizon(self.meta.stream_time, self.table.grace))
        reached = min(until, self._slice_of_work(before, until))
        self.behind = reached < until
        return reached

    def _slice_of_work(self, before: int, until: int) -> int:
        """Give up to when about SLICE windows end, from `before` on."""
        oldest = before - self.table.longest
        starts = sorted(start for start in self._by_start if oldest < start < until)
        if not starts:
            return until
        if self.table.step:
            # So many steps of the windows, from the first of them on that holds a record.
            steps = max(1, SLICE // len(self._panes))
            return max(before, starts[0]) + steps * self.table.step
        # Each record may have made a window: were fewer published than made, what waits would
        # grow for as long as records come faster than checkpoints.
        windows, most = 0, SLICE + self.position - self.meta.published
        for start in starts[bisect_left(starts, before) :]:
            if windows >= most:
                return start
            windows += len(self._by_start[start])
        return until

    def _keys_closing(self, before: int, until: int) -> AbstractSet[bytes]:
        """Give the keys with a pane in a window that ends in `(before, until]`, maybe others."""
        if before == until:
            return set()
        lowest = before - self.table.longest
        held = [panes for start, panes in self._by_start.items() if lowest < start < until]
        if sum(map(len, held)) > len(self._panes):
            return self._panes.keys()
        return {pane.key for panes in held for pane in panes}

    def _relate(self) -> None:
        """A changed window changes the next one's record too, where that looks back."""
        for pane in list(self._unpublished):
            later = [p for s, p in self._panes[pane.key].items() if s > pane.start]
            if later:
                self._mark_unpublished(min(later, key=_start))

    @abstractmethod
    def _encode_dirty(self) -> list[Row]:
        """Give the rows of the panes changed since the last call; they are to be published."""


def spans_of(
    window: WindowFamily,
    panes: Sequence[int],
    starts: Sequence[int],
    after: int,
    until: int = OPEN,
) -> Iterator[Span]:
    """Give the windows that hold one of `panes` and end in (after, until], ascending, each once.

    `panes` are the ascending starts of some of a key's panes, `starts` those of all of them.
    """
    if isinstance(window, Window):
        return window.holding(panes, after, until)
    return _spans_one_by_one(window, panes, starts, after, until)


def _spans_one_by_one(
    window: WindowFamily, panes: Sequence[int], starts: Sequence[int], after: int, until: int
) -> Iterator[Span]:
    reached = after
    index = bisect_right(panes, after - window.longest)
    while index < len(panes) and (start := panes[index]) < until:
        for span in window.over(start, start + 1, reached, starts):
            reached = span[1]
            if reached > until:
                return
            yield span
        # All that the next panes add ends after `reached`.
        index = max(index + 1, bisect_right(panes, reached - window.longest))
