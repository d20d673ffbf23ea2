"""Results of windows that are made of panes: folded from them, and published."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from eventfold.engine.lateness import Lateness
from eventfold.engine.native_candles import publication
from eventfold.engine.panes import Panes
from eventfold.engine.rows import OPEN
from eventfold.engine.window_partition import WindowPartition
from eventfold.engine.window_results import WindowResults
from eventfold.windows import (
    Evidence,
    Folded,
    Pane,
    Span,
    Window,
    WindowDefinition,
    WindowFold,
    WindowResult,
    fold_windows,
)


class _Folding(NamedTuple):
    """Key and window definition being folded, for error messages."""

    key: str
    window: WindowDefinition

    def __str__(self) -> str:
        return f"window {self.window} of key {self.key!r}"


class Ends(NamedTuple):
    """Windows that end in (after, until], ms, with a newest source offset below `position`."""

    after: int
    until: int
    position: int = OPEN


class PaneResults:
    """Windows of one partition, published as their panes are now."""

    def __init__(self, partition: WindowPartition, panes: Panes, lateness: Lateness) -> None:
        self._partition = partition.number
        self._meta = partition.meta
        self._strategy = partition.strategy
        self._outputs = partition.outputs
        self._panes = panes
        self._lateness = lateness
        self._results = WindowResults(partition, panes.previous)
        #: Incremental aggregations that continue in the next publication, by window and key.
        self._folds: dict[WindowDefinition, dict[bytes, WindowFold]] = {
            window: {}
            for window in partition.strategy.windows
            if partition.strategy.aggregates_incrementally(window)
        }

    def count(self) -> None:
        """Add the results of this publication to the metrics."""
        self._results.count()

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drop the incremental aggregations of keys that have no pane in memory any more."""
        for key in keys:
            for folds in self._folds.values():
                folds.pop(key, None)

    def read(
        self, key: bytes, window: WindowDefinition, begin: int, end: int
    ) -> list[WindowResult]:
        """Return the windows of `key` with begin <= start < end (ms) that hold a record."""
        panes = self._panes.over(key, begin, end + window.longest)
        starts = sorted(panes)
        ending = spans_of(window, starts, starts, begin)
        spans = [span for span in ending if begin <= span.start < end]
        folded = self._fold(panes, starts, spans)
        name = key.decode()
        return [self._results.result(name, window, *each) for each in folded]

    def publish_panes(
        self, window: WindowDefinition, panes: Iterable[Pane], position: int = OPEN
    ) -> None:
        """Publish windows that are one pane each and need no folding."""
        native = self._native_publication(window, position)
        for pane in panes:
            self.publish_pane(window, native, pane, position)
        self.count_native([(window, native)])

    def publish_pane(
        self, window: WindowDefinition, native: Any | None, pane: Pane, position: int
    ) -> None:
        """Publish a window that is one pane, unless a record has come to it from `position` on."""
        self._outputs.publishing = native
        if native is not None and native.publish_pane(pane):
            return
        span, late = Span(pane.start, pane.start + window.size), 0
        if pane.corrections is not None:
            late = sum(pane.corrections.values())
        evidence = Evidence(pane.count, pane.first_offset, pane.last_offset, late)
        result = self._results.result(pane.key.decode(), window, span, pane.state, evidence)
        if result.newest_offset < position:
            self._results.publish(result)

    def publications(
        self, windows: Iterable[WindowDefinition], position: int = OPEN
    ) -> list[tuple[WindowDefinition, Any | None]]:
        """Return window definitions, each with its native publisher, or None."""
        return [(each, self._native_publication(each, position)) for each in windows]

    def count_native(self, windows: Iterable[tuple[WindowDefinition, Any | None]]) -> None:
        """Count the results that native publishers have published."""
        for _, native in windows:
            self._results.published.update(native.published if native else ())

    def _native_publication(self, window: WindowDefinition, position: int) -> Any | None:
        """Return the native extension's publisher of a window definition; None if it has none."""
        native = self._panes.native
        if native is None or window in self._folds or not isinstance(window, Window):
            return None
        if self._strategy.uses_previous_window:
            # The revision depends on two windows then, and the extension sees one.
            return None
        return publication(
            native,
            window,
            outputs=self._outputs.records,
            places=self._outputs.places,
            before=self._results.before,
            partition=self._partition,
            stream_time=self._meta.stream_time,
            finalised=self._meta.finalised,
            position=position,
        )

    def publish_key(
        self,
        key: bytes,
        windows: Iterable[tuple[WindowDefinition, Any | None]],
        ends: Ends,
        near: list[int] | None = None,
    ) -> None:
        """Publish the windows of a key, or those that hold one of the panes `near` (starts)."""
        panes, name = self._panes.by_key[key], key.decode()
        starts = sorted(panes)
        near = starts if near is None else near
        for window, native in windows:
            self._outputs.publishing = native or _Folding(name, window)
            if native is None or not native.publish(
                key, name, panes, starts, near, ends.after, ends.until
            ):
                spans = list(spans_of(window, near, starts, ends.after, ends.until))
                self._publish_folded(key, window, starts, spans, ends)

    def _publish_folded(
        self,
        key: bytes,
        window: WindowDefinition,
        starts: list[int],
        spans: Sequence[Span],
        ends: Ends,
    ) -> None:
        """Publish windows of a key that are folded from its panes; `starts` are ascending."""
        panes, name = self._panes.by_key[key], key.decode()
        folded: Iterable[Folded]
        if window in self._folds:
            folded = self._kept_fold(window, key, starts, ends.until).windows(spans)
        else:
            folded = self._fold(panes, starts, spans)
        for span, state, evidence in folded:
            result = self._results.result(name, window, span, state, evidence)
            if result.newest_offset < ends.position:
                self._results.publish(result)

    def _fold(
        self, panes: dict[int, Pane], starts: Sequence[int], spans: Sequence[Span]
    ) -> Iterable[Folded]:
        """Fold the windows `spans` (ascending) of a key; `starts` are those of its `panes`."""
        if not spans:
            return ()
        first, end = bisect_left(starts, spans[0].start), bisect_left(starts, spans[-1].end)
        needed = [panes[start] for start in starts[first:end]]
        return fold_windows(
            needed, spans, self._strategy.aggregate.merge, self._strategy.merge_runs
        )

    def _kept_fold(
        self, window: WindowDefinition, key: bytes, starts: list[int], until: int
    ) -> WindowFold:
        """Return the aggregation of a key's final windows, up to date for `until` (ms)."""
        # Panes that end by `until` no longer change, so the fold continues where it stopped.
        panes = self._panes.by_key[key]
        fold = self._folds[window].get(key)
        if fold is None:
            fold = self._folds[window][key] = WindowFold(self._strategy.aggregate.merge)
        # The pane that holds `until` may still change, and a new pane may precede it.
        settled = self._strategy.slices.floor(until)
        new = starts[bisect_left(starts, fold.added) : bisect_left(starts, settled)]
        fold.add([panes[start] for start in new], settled)
        return fold

    def publish_change(self, key: bytes, time: int, offset: int) -> None:
        """Publish the windows that hold the record just folded; none if it was late or outside."""
        panes = self._panes.by_key.get(key, {})
        pane = panes.get(self._strategy.slices.start_of(time))
        if pane is None or pane.last_offset != offset:
            return
        starts = sorted(panes)
        for window in self._strategy.windows:
            spans = list(spans_of(window, [pane.start], starts, self._lateness.watermark))
            for span, state, evidence in self._fold(panes, starts, spans):
                self._results.publish(
                    self._results.result(key.decode(), window, span, state, evidence)
                )


def spans_of(
    window: WindowDefinition,
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
    window: WindowDefinition, panes: Sequence[int], starts: Sequence[int], after: int, until: int
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
