"""Windows of one partition that are made of panes, and which of them are published when."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter

from eventfold.engine.decoded import Decoded
from eventfold.engine.lateness import Lateness
from eventfold.engine.pane_folding import PaneFolding
from eventfold.engine.pane_results import Ends, PaneResults
from eventfold.engine.panes import Panes
from eventfold.engine.partition import RecordError
from eventfold.engine.portion import Appraisal, Portion
from eventfold.engine.rows import OPEN, Row
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import Pane, WindowDefinition, WindowResult

#: Approximate number of windows that become final in one publication.
SLICE = 4_000

_start = attrgetter("start")
_last_offset = attrgetter("last_offset")


class PaneWindows:
    """Panes in memory, the windows made of them, and how many are published at once."""

    def __init__(self, partition: WindowPartition, lateness: Lateness) -> None:
        self._meta = partition.meta
        self._strategy = partition.strategy
        self._lateness = lateness
        self.panes = Panes(partition)
        self._folding = PaneFolding(partition, self.panes, lateness)
        self.results = PaneResults(partition, self.panes, lateness)
        #: Rows of the next snapshot.
        self._rows: list[Row] = []
        self._unpublished: list[Pane] = []
        #: Whether more is due than one publication may take on.
        self.behind = False
        #: Position that the partition is folded up to in this publication.
        self._position = 0
        self._appraisal = Appraisal()
        #: Approximate number of results that fit into this publication.
        self._most = SLICE
        #: Keys left to publish when too many windows become final for one checkpoint; None if there
        #: are none, or if the task was restored and they are not known yet.
        self._closing: Iterator[bytes] | None = None

    def load(self) -> None:
        """Load the panes that a window which is not final may hold."""
        for pane in self.panes.load(max(0, self._meta.closed - self._strategy.longest)):
            if pane.last_offset >= self._meta.published:
                self._mark(pane)
        # The checkpoint may have stopped in the middle of the slices of a leap in time.
        self.behind = len(self.panes) > 0 and self._meta.closed < self._lateness.watermark

    def fold(self, decoded: Decoded, begin: int) -> Sequence[RecordError]:
        """Fold `decoded[begin:]`, as `PartitionState._fold` does."""
        end = len(decoded.offsets)
        if self._strategy.publishes_every_change:
            for index in range(begin, end):
                self._folding.fold_range(decoded, index, index + 1)
                self.results.publish_change(
                    decoded.keys[index], decoded.times[index], decoded.offsets[index]
                )
        elif begin == 0:
            return self._folding.fold_at_once(decoded)
        else:
            self._folding.fold_range(decoded, begin, end)
        return ()

    # -- checkpoints

    @property
    def unpublished(self) -> bool:
        """Whether windows changed, or are left over, since the last publication."""
        return bool(self._unpublished) or self.behind

    @property
    def held(self) -> int:
        """Number of panes in memory: the windows made of them are not final yet."""
        return len(self.panes)

    @property
    def changed_rows(self) -> int:
        """Approximate number of rows in the next snapshot."""
        return len(self.panes.dirty)

    def take_rows(self) -> list[Row]:
        """Return the rows of panes changed since the last call; note that they are unpublished."""
        rows, self._rows = self._rows, []
        dirty = self.panes.dirty
        rows += self.panes.encode(dirty)
        for pane in dirty:
            pane.dirty = False
            self._mark(pane)
        dirty.clear()
        return rows

    def _mark(self, pane: Pane) -> None:
        if not pane.unpublished:
            pane.unpublished = True
            self._unpublished.append(pane)

    def settle(self) -> None:
        """Drop the panes that no open window needs; queries read them from the store."""
        self.results.forget(self.panes.drop(self._meta.closed - self._strategy.longest))

    def expires_before(self) -> int:
        """Return the start (ms) from which on rows are kept."""
        # Rows that a window which is not final yet is made of must stay.
        end = min(self._meta.stream_time - self._strategy.retention, self._meta.closed)
        return end - self._strategy.longest + 1

    def publish(self, portion: Portion, position: int) -> int:
        """Publish windows that became final or changed, up to a portion; return the position."""
        self._position = position
        # Before the publication, because later changes belong to the next one.
        self._rows = self.take_rows()
        self._most = self._appraisal.results(self._rows)
        self._publish_final(portion)
        published = self._publish_changed()
        self._appraisal.learn(portion)
        return published

    # -- final windows

    def _publish_final(self, portion: Portion) -> None:
        meta = self._meta
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
        for window in self._strategy.pane_windows:
            for start in self._ending(window, before, until):
                self.results.publish_panes(window, self.panes.by_start[start])
        if self._strategy.folded_windows:
            windows = self.results.publications(self._strategy.folded_windows)
            # Sorted, so that the order of publication does not depend on the process.
            for key in sorted(keys):
                self.results.publish_key(key, windows, Ends(before, until))
            self.results.count_native(windows)

    def _publish_rest(self, portion: Portion, before: int) -> None:
        """Publish windows that ended since `before` (ms), key by key, until the portion is full."""
        meta, until = self._meta, self._meta.finalised
        if self._closing is None:
            # The checkpoint that was restored stopped after this key.
            done = meta.closing[1].encode() if meta.closing else b""
            self._closing = iter(sorted(k for k in self._keys_closing(before, until) if k > done))
        # Windows of one pane are looked up instead: with 100,000 keys that is most of the work.
        single = [
            (window, native, self._ending(window, before, until))
            for window, native in self.results.publications(self._strategy.pane_windows)
        ]
        folded = self.results.publications(self._strategy.folded_windows)
        meta.closing = None
        for key in self._closing:
            panes = self.panes.by_key[key]
            for window, native, starts in single:
                for start in starts:
                    if start in panes:
                        self.results.publish_pane(window, native, panes[start], OPEN)
            if folded:
                self.results.publish_key(key, folded, Ends(before, until))
            if portion.is_full:
                meta.closing = before, key.decode()
                break
        else:
            self._closing = None
        self.results.count_native([(window, native) for window, native, _ in single] + folded)
        self.behind = meta.closing is not None or until < self._lateness.watermark

    def _ending(self, window: WindowDefinition, before: int, until: int) -> list[int]:
        """Return the starts of panes that are windows by themselves, ending in (before, until]."""
        return sorted(
            start for start in self.panes.by_start if before < start + window.size <= until
        )

    # -- changed windows

    def _publish_changed(self) -> int:
        """Publish windows that changed and are not final, those that changed longest ago first.

        Return the position up to which changes are published. A window is published with the newest
        of its panes, so the position alone determines what is left, even after a crash.
        """
        changed, position = self._take_changed()
        for window in self._strategy.pane_windows:
            if self._strategy.publishes_changes_of(window):
                opened = self._lateness.watermark - window.size
                panes = [pane for pane in changed if pane.start > opened]
                self.results.publish_panes(window, sorted(panes, key=_start), position)
        folded = [
            each
            for each in self._strategy.folded_windows
            if self._strategy.publishes_changes_of(each)
        ]
        if folded:
            windows = self.results.publications(folded, position)
            ends = Ends(self._lateness.watermark, OPEN, position)
            by_key: dict[bytes, list[int]] = {}
            for pane in changed:
                by_key.setdefault(pane.key, []).append(pane.start)
            for key in sorted(by_key):
                self.results.publish_key(key, windows, ends, sorted(by_key[key]))
            self.results.count_native(windows)
        return position

    def _take_changed(self) -> tuple[Sequence[Pane], int]:
        """Return the panes whose windows to publish, and the position up to which they changed."""
        changed, left, position = self._unpublished, [], self._position
        most = max(1, self._most // self._strategy.results_of_change)
        publishes = self._strategy.publishes_changes and not self._strategy.publishes_every_change
        if publishes and len(changed) > most:
            changed.sort(key=_last_offset)
            position = changed[most].last_offset
            changed, left = changed[:most], changed[most:]
            self.behind = True
        self._unpublished = left
        for pane in changed:
            pane.unpublished = False
        if not publishes:
            return (), position
        if self._strategy.uses_previous_window:
            changed = self._related(changed)
        # Older panes are only in final windows.
        oldest = self._lateness.watermark - self._strategy.longest
        return [pane for pane in changed if pane.start > oldest], position

    def _related(self, changed: Sequence[Pane]) -> list[Pane]:
        """Add to `changed` the next pane of each key, whose window uses the previous window."""
        related = {(pane.key, pane.start): pane for pane in changed}
        for pane in changed:
            panes = self.panes.by_key.get(pane.key, {})
            later = [each for start, each in panes.items() if start > pane.start]
            if later:
                behind = min(later, key=_start)
                related[behind.key, behind.start] = behind
        return list(related.values())

    def _next_watermark(self) -> int:
        """Return the time (ms) up to which windows become final now; `behind` if not all."""
        before, until = self._meta.finalised, self._lateness.watermark
        reached = min(until, self._slice_of_work(before, until))
        self.behind = reached < until
        return reached

    def _slice_of_work(self, before: int, until: int) -> int:
        """Return the time (ms) by which about SLICE windows end, counted from `before`."""
        oldest = before - self._strategy.longest
        starts = sorted(start for start in self.panes.by_start if oldest < start < until)
        if not starts:
            return until
        slice_of = min(SLICE, self._most)
        if self._strategy.step:
            # Advance by whole steps of the windows from the first one that holds a record.
            steps = max(1, slice_of // len(self.panes.by_key))
            return max(before, starts[0]) + steps * self._strategy.step
        # Each record may have made a window: if fewer were published than made, the backlog would
        # grow for as long as records come faster than checkpoints.
        windows, most = 0, slice_of + self._position - self._meta.published
        for start in starts[bisect_left(starts, before) :]:
            if windows >= most:
                return start
            windows += len(self.panes.by_start[start])
        return until

    def _keys_closing(self, before: int, until: int) -> AbstractSet[bytes]:
        """Return the keys with a pane in a window ending in (before, until], and maybe others."""
        if before == until:
            return set()
        lowest = before - self._strategy.longest
        held = [panes for start, panes in self.panes.by_start.items() if lowest < start < until]
        if sum(map(len, held)) > len(self.panes.by_key):
            return self.panes.by_key.keys()
        return {pane.key for panes in held for pane in panes}

    # -- queries

    def read(
        self, key: bytes, window: WindowDefinition, begin: int, end: int
    ) -> list[WindowResult]:
        """Return the windows of `key` with begin <= start < end (ms) that hold a record."""
        # At the edge of the retention the first panes of a window may be deleted and its last not
        # yet; what was deleted under a shorter retention stays deleted.
        begin = max(begin, self.expires_before(), self._meta.expired)
        return self.results.read(key, window, begin, end)

    def keys(self) -> Iterable[bytes]:
        """Return the keys with panes in memory."""
        return self.panes.by_key

    def keys_between(self, begin: int, end: int) -> set[bytes]:
        """Return the keys with a pane in memory that has begin <= start < end (ms)."""
        return self.panes.keys_between(begin, end)

    def spans(self, key: bytes, rows: Sequence[tuple[bytes, bytes]]) -> list[tuple[int, int]]:
        """Return start and end (ms) of a key's panes in memory, and of those in `rows`."""
        return self.panes.spans(key, rows)
