"""Publication of one partition's windows that changed or became final, folded from panes."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from eventfold.engine.native_candles import publication
from eventfold.engine.pane_folding import PaneFolding
from eventfold.engine.rows import OPEN
from eventfold.windows import (
    Evidence,
    Folded,
    Pane,
    Span,
    Window,
    WindowFamily,
    WindowFold,
    fold_windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from eventfold.engine.partition import Row, Table
    from eventfold.engine.portion import Portion
    from eventfold.engine.store import Store
    from eventfold.engine.windowing_strategy import WindowingStrategy

#: Approximate number of windows that become final in one publication.
SLICE = 4_000

_start = attrgetter("start")
_last_offset = attrgetter("last_offset")


class _Folding(NamedTuple):
    """Key and window definition being folded, for error messages."""

    key: str
    window: WindowFamily

    def __str__(self) -> str:
        return f"window {self.window} of key {self.key!r}"


class _Ends(NamedTuple):
    """Windows that end in (after, until], ms, with a newest source offset below `position`."""

    after: int
    until: int
    position: int = OPEN


class PanePublishing(PaneFolding):
    """Publication of the windows of panes that changed, and of windows that became final."""

    def __init__(
        self,
        table: Table,
        strategy: WindowingStrategy,
        partition: int,
        store: Store,
        *,
        leads: bool,
    ) -> None:
        super().__init__(table, strategy, partition, store, leads=leads)
        #: Rows of the next snapshot.
        self._rows: list[Row] = []
        self._unpublished: list[Pane] = []
        #: Approximate number of results that fit into this publication.
        self._most = SLICE
        #: Keys left to publish when too many windows become final for one checkpoint; None if there
        #: are none, or if the task was restored and they are not known yet.
        self._closing: Iterator[bytes] | None = None
        #: Incremental aggregations that continue in the next publication, by window and key.
        self._folds: dict[WindowFamily, dict[bytes, WindowFold]] = {
            window: {} for window in strategy.windows if strategy.aggregates_incrementally(window)
        }

    @property
    def unpublished(self) -> bool:
        """Whether windows changed, or became final, since the last publication."""
        return bool(self._unpublished) or self.behind or self.position != self.meta.published

    def _mark_unpublished(self, pane: Pane) -> None:
        if not pane.unpublished:
            pane.unpublished = True
            self._unpublished.append(pane)

    def _publish_windows(self, portion: Portion) -> int:
        # Before the publication, because later changes belong to the next one.
        self._rows += self._encode_dirty()
        self._most = self._appraisal.results(self._rows)
        self._publish_final(portion)
        return self._publish_changed()

    # -- final windows

    def _publish_final(self, portion: Portion) -> None:
        meta = self.meta
        if meta.closing is not None:
            self._publish_rest(portion, meta.closing[0])
            return
        before, until = meta.finalised, self._next_watermark()
        # From here on windows that end by `until` are published as final and accept no record.
        meta.finalised = until
        keys = self._keys_closing(before, until)
        if len(keys) > min(SLICE, self._most):
            self._closing = iter(sorted(keys))
            self._publish_rest(portion, before)
            return
        for window in self.strategy.pane_windows:
            for start in self._ending(window, before, until):
                self._publish_panes(window, self._by_start[start])
        if self.strategy.folded_windows:
            windows = self._publications(self.strategy.folded_windows)
            # Sorted, so that the order of publication does not depend on the process.
            for key in sorted(keys):
                self._publish_key(key, windows, _Ends(before, until))
            self._count_native(windows)

    def _publish_rest(self, portion: Portion, before: int) -> None:
        """Publish windows that ended since `before` (ms), key by key, until the portion is full.

        The next checkpoints publish the keys that are left.
        """
        meta, until = self.meta, self.meta.finalised
        if self._closing is None:
            # The checkpoint that was restored stopped after this key.
            done = meta.closing[1].encode() if meta.closing else b""
            self._closing = iter(sorted(k for k in self._keys_closing(before, until) if k > done))
        # Windows of one pane are looked up instead: with 100,000 keys that is most of the work.
        single = [
            (window, native, self._ending(window, before, until))
            for window, native in self._publications(self.strategy.pane_windows)
        ]
        folded = self._publications(self.strategy.folded_windows)
        meta.closing = None
        for key in self._closing:
            panes = self._panes[key]
            for window, native, starts in single:
                for start in starts:
                    if start in panes:
                        self._publish_pane(window, native, panes[start], OPEN)
            if folded:
                self._publish_key(key, folded, _Ends(before, until))
            if portion.is_full:
                meta.closing = before, key.decode()
                break
        else:
            self._closing = None
        self._count_native([(window, native) for window, native, _ in single] + folded)
        self.behind = meta.closing is not None or until < self._watermark

    def _ending(self, window: WindowFamily, before: int, until: int) -> list[int]:
        """Return the starts of panes that are windows by themselves, ending in (before, until]."""
        return sorted(start for start in self._by_start if before < start + window.size <= until)

    # -- changed windows

    def _publish_changed(self) -> int:
        """Publish windows that changed and are not final, those that changed longest ago first.

        Return the position up to which changes are published. A window is published with the newest
        of its panes, so the position alone determines what is left, even after a crash.
        """
        changed, position = self._take_changed()
        for window in self.strategy.pane_windows:
            if self.strategy.publishes_changes_of(window):
                opened = self._watermark - window.size
                panes = [pane for pane in changed if pane.start > opened]
                self._publish_panes(window, sorted(panes, key=_start), position)
        folded = [
            each
            for each in self.strategy.folded_windows
            if self.strategy.publishes_changes_of(each)
        ]
        if folded:
            windows = self._publications(folded, position)
            ends = _Ends(self._watermark, OPEN, position)
            by_key: dict[bytes, list[int]] = {}
            for pane in changed:
                by_key.setdefault(pane.key, []).append(pane.start)
            for key in sorted(by_key):
                self._publish_key(key, windows, ends, sorted(by_key[key]))
            self._count_native(windows)
        return position

    def _take_changed(self) -> tuple[Sequence[Pane], int]:
        """Return the panes whose windows to publish, and the position up to which they changed."""
        changed, left, position = self._unpublished, [], self.position
        most = max(1, self._most // self.strategy.results_of_change)
        says = self.strategy.publishes_changes and not self.strategy.publishes_every_change
        if says and len(changed) > most:
            changed.sort(key=_last_offset)
            position = changed[most].last_offset
            changed, left = changed[:most], changed[most:]
            self.behind = True
        self._unpublished = left
        for pane in changed:
            pane.unpublished = False
        if not says:
            return (), position
        if self.strategy.looks_back:
            changed = self._related(changed)
        # Older panes are only in final windows.
        oldest = self._watermark - self.strategy.longest
        return [pane for pane in changed if pane.start > oldest], position

    def _related(self, changed: Sequence[Pane]) -> list[Pane]:
        """Add to `changed` the next pane of each key, whose window uses the previous window."""
        related = {(pane.key, pane.start): pane for pane in changed}
        for pane in changed:
            panes = self._panes.get(pane.key, {})
            later = [each for start, each in panes.items() if start > pane.start]
            if later:
                behind = min(later, key=_start)
                related[behind.key, behind.start] = behind
        return list(related.values())

    # -- windows

    def _publish_panes(
        self, window: WindowFamily, panes: Iterable[Pane], position: int = OPEN
    ) -> None:
        """Publish windows that are one pane each and need no folding."""
        native = self._native_publication(window, position)
        for pane in panes:
            self._publish_pane(window, native, pane, position)
        self._count_native([(window, native)])

    def _publish_pane(
        self, window: WindowFamily, native: Any | None, pane: Pane, position: int
    ) -> None:
        self.saying = native
        if native is not None and native.say_pane(pane):
            return
        span, late = Span(pane.start, pane.start + window.size), 0
        if pane.corrections is not None:
            late = sum(pane.corrections.values())
        evidence = Evidence(pane.count, pane.first_offset, pane.last_offset, late)
        result = self._result(pane.key.decode(), window, span, pane.state, evidence)
        if result.newest_offset < position:
            self._emit(result)

    def _publications(
        self, windows: Iterable[WindowFamily], position: int = OPEN
    ) -> list[tuple[WindowFamily, Any | None]]:
        return [(each, self._native_publication(each, position)) for each in windows]

    def _count_native(self, windows: Iterable[tuple[WindowFamily, Any | None]]) -> None:
        for _, native in windows:
            self._said.update(native.told if native else ())

    def _native_publication(self, window: WindowFamily, position: int) -> Any | None:
        """Return the native extension's publisher of a window definition; None if it has none."""
        native = self._native
        if native is None or window in self._folds or not isinstance(window, Window):
            return None
        if self.strategy.looks_back:
            # The revision depends on two windows then, and the extension sees one.
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
            position=position,
        )

    def _publish_key(
        self,
        key: bytes,
        windows: Iterable[tuple[WindowFamily, Any | None]],
        ends: _Ends,
        near: list[int] | None = None,
    ) -> None:
        """Publish the windows of a key, or only those that hold one of the panes `near`.

        `near` are ascending starts.
        """
        panes, name = self._panes[key], key.decode()
        starts = sorted(panes)
        near = starts if near is None else near
        for window, native in windows:
            self.saying = native or _Folding(name, window)
            if native is None or not native.say(
                key, name, panes, starts, near, ends.after, ends.until
            ):
                spans = list(spans_of(window, near, starts, ends.after, ends.until))
                self._say_windows(key, window, starts, spans, ends)

    def _say_windows(
        self,
        key: bytes,
        window: WindowFamily,
        starts: list[int],
        spans: Sequence[Span],
        ends: _Ends,
    ) -> None:
        """Publish windows of a key that are folded from its panes; `starts` are ascending."""
        panes, name = self._panes[key], key.decode()
        folded: Iterable[Folded]
        if window in self._folds:
            folded = self._kept_fold(window, key, starts, ends.until).windows(spans)
        else:
            folded = self._fold_panes(panes, starts, spans)
        for span, state, evidence in folded:
            result = self._result(name, window, span, state, evidence)
            if result.newest_offset < ends.position:
                self._emit(result)

    def _fold_panes(
        self, panes: dict[int, Pane], starts: Sequence[int], spans: Sequence[Span]
    ) -> Iterable[Folded]:
        """Fold the windows `spans` (ascending) of a key; `starts` are those of its `panes`."""
        if not spans:
            return ()
        first, end = bisect_left(starts, spans[0].start), bisect_left(starts, spans[-1].end)
        needed = [panes[start] for start in starts[first:end]]
        return fold_windows(needed, spans, self.strategy.aggregate.merge, self.strategy.merge_runs)

    def _kept_fold(
        self, window: WindowFamily, key: bytes, starts: list[int], until: int
    ) -> WindowFold:
        """Return the incremental aggregation of a key's final windows, up to date for `until` (ms).

        Panes that end by `until` no longer change, so the fold continues where it stopped.
        """
        panes = self._panes[key]
        fold = self._folds[window].get(key)
        if fold is None:
            fold = self._folds[window][key] = WindowFold(self.strategy.aggregate.merge)
        # The pane that holds `until` may still change, and a new pane may precede it.
        settled = self.strategy.slices.floor(until)
        new = starts[bisect_left(starts, fold.added) : bisect_left(starts, settled)]
        fold.add([panes[start] for start in new], settled)
        return fold

    def _say_changes(self, key: bytes, time: int, offset: int) -> None:
        """Publish the windows that hold the record just folded; none if it was late or outside."""
        panes = self._panes.get(key, {})
        pane = panes.get(self.strategy.slices.start_of(time))
        if pane is None or pane.last_offset != offset:
            return
        starts = sorted(panes)
        for window in self.strategy.windows:
            spans = list(spans_of(window, [pane.start], starts, self._watermark))
            for span, state, evidence in self._fold_panes(panes, starts, spans):
                self._emit(self._result(key.decode(), window, span, state, evidence))

    def _next_watermark(self) -> int:
        """Return the time (ms) up to which windows become final in this publication.

        After a leap in time that is only a part of them; `behind` is set then.
        """
        before, until = self.meta.finalised, self._watermark
        reached = min(until, self._slice_of_work(before, until))
        self.behind = reached < until
        return reached

    def _slice_of_work(self, before: int, until: int) -> int:
        """Return the time (ms) by which about SLICE windows end, counted from `before`."""
        oldest = before - self.strategy.longest
        starts = sorted(start for start in self._by_start if oldest < start < until)
        if not starts:
            return until
        slice_of = min(SLICE, self._most)
        if self.strategy.step:
            # Advance by whole steps of the windows from the first one that holds a record.
            steps = max(1, slice_of // len(self._panes))
            return max(before, starts[0]) + steps * self.strategy.step
        # Each record may have made a window: if fewer were published than made, the backlog would
        # grow for as long as records come faster than checkpoints.
        windows, most = 0, slice_of + self.position - self.meta.published
        for start in starts[bisect_left(starts, before) :]:
            if windows >= most:
                return start
            windows += len(self._by_start[start])
        return until

    def _keys_closing(self, before: int, until: int) -> AbstractSet[bytes]:
        """Return the keys with a pane in a window ending in (before, until], and maybe others."""
        if before == until:
            return set()
        lowest = before - self.strategy.longest
        held = [panes for start, panes in self._by_start.items() if lowest < start < until]
        if sum(map(len, held)) > len(self._panes):
            return self._panes.keys()
        return {pane.key for panes in held for pane in panes}

    @abstractmethod
    def _encode_dirty(self) -> list[Row]:
        """Return the rows of panes changed since the last call; mark them as unpublished."""


def spans_of(
    window: WindowFamily,
    panes: Sequence[int],
    starts: Sequence[int],
    after: int,
    until: int = OPEN,
) -> Iterator[Span]:
    """Return the windows that hold one of `panes` and end in (after, until], ascending, each once.

    `panes` are the ascending starts of some of a key's panes, `starts` those of all of them; all
    times are in ms.
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
        # Windows that the next panes add end after `reached`.
        index = max(index + 1, bisect_right(panes, reached - window.longest))
