"""One partition of a window table: event-time logic that all window definitions share."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from eventfold.engine import metrics
from eventfold.engine.late_counts import LateCounts
from eventfold.engine.partition import EXPIRE_SLICE, PartitionState, Row, Table
from eventfold.engine.portion import Appraisal, Portion
from eventfold.engine.rows import OPEN, prefix, row_key, split_row_key
from eventfold.engine.store import in_pieces
from eventfold.windows import Refusal, WindowFamily, WindowResult, is_final, revision, watermark
from eventfold.windows.lateness import behind_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventfold.engine.decoded import Decoded
    from eventfold.engine.store import Store
    from eventfold.engine.windowing_strategy import WindowingStrategy
    from eventfold.windows import Evidence, Pane, Span


class EventTimeState(PartitionState):
    """State that compares records with stream time, rejects late ones and builds results."""

    def __init__(
        self,
        table: Table,
        strategy: WindowingStrategy,
        partition: int,
        store: Store,
        *,
        leads: bool,
    ) -> None:
        super().__init__(table, partition, store, leads=leads)
        self.strategy = strategy
        self._late_counts = LateCounts(table.name, store)
        #: Number of results written in this publication, by whether they are final.
        self._said: Counter[bool] = Counter()
        self._appraisal = Appraisal()

    @property
    def _watermark(self) -> int:
        """Watermark (ms): earlier records are late, windows that end by it are final."""
        meta = self.meta
        return watermark(meta.stream_time, self.strategy.grace, meta.finalised)

    # -- folding

    def _judge(
        self, decoded: Decoded, records: int, behind: list[int], late: list[tuple[int, int]]
    ) -> None:
        """Add `records` records to the lateness distribution, and reject the late ones.

        `behind` has, for each record that was behind stream time, by how many ms. `late` has, for
        each late record, its index in `decoded` and stream time (ms) at its arrival.
        """
        lateness = self.meta.lateness
        lateness[0] = lateness.get(0, 0) + records - len(behind)
        for ms, times in Counter(behind).items():
            bound = behind_bound(ms)
            lateness[bound] = lateness.get(bound, 0) + times
        if late:
            self._refuse(decoded, late)

    def _refuse(self, decoded: Decoded, late: list[tuple[int, int]]) -> None:
        table, strategy = self.table, self.strategy
        metrics.late.labels(table.name, str(self.partition)).inc(len(late))
        for index, stream_time in late:
            key, offset = decoded.keys[index], decoded.offsets[index]
            self._late_counts.add(key, stream_time)
            if strategy.late_topic is None or strategy.late_record is None:
                continue
            refusal = Refusal(
                "late", stream_time, strategy.grace, self.partition, offset, table.name
            )
            record = strategy.late_record(decoded.records[index], refusal)
            self.append(strategy.late_topic, key.decode(), record, offset)

    # -- checkpoints

    @property
    def changed_rows(self) -> int:
        """Number of rows in the next snapshot, approximately."""
        return self._late_counts.changed

    def _take_rows(self) -> list[Row]:
        return self._take_window_rows() + self._late_counts.take_rows()

    def _settle(self) -> None:
        self._late_counts.settle()
        self._settle_windows()

    def _expire(self) -> list[bytes]:
        return super()._expire() + self._late_counts.expire(self.meta.expired, EXPIRE_SLICE)

    # -- publication

    def _publish(self) -> int:
        portion = Portion(self._outgoing, self._outputs)
        position = self._publish_windows(portion)
        self._appraisal.learn(portion)
        for final, results in self._said.items():
            metrics.published.labels(self.table.name, str(final).lower()).inc(results)
        self._said.clear()
        return position

    def _result(
        self,
        key: str,
        window: WindowFamily,
        span: Span,
        state: Any,
        evidence: Evidence,
        *,
        final: bool | None = None,
    ) -> WindowResult:
        """Return a window's result; `final` None: final if its end is by `meta.finalised`."""
        start, end = span
        if final is None:
            final = is_final(end, self.meta.finalised)
        newest, before = evidence.last_offset, self._before
        if self.strategy.looks_back:
            # A correction of the previous pane changes this result as well.
            pane = self._previous(key, start)
            newest = newest if pane is None else max(newest, pane.last_offset)
            before = partial(_state_of, pane)
        return WindowResult(
            key,
            window,
            start,
            end,
            state,
            evidence.count,
            evidence.first_offset,
            evidence.last_offset,
            evidence.late,
            final,
            revision(newest, final=final),
            self.partition,
            self.meta.stream_time,
            before,
        )

    def _before(self, name: str, start: int) -> Any | None:
        """Return the state of the key's last pane before `start` (ms); None if there is none."""
        return _state_of(self._previous(name, start))

    def _emit(self, result: WindowResult) -> None:
        if self._tell(result):
            self._said[result.final] += 1

    # -- queries

    def keys_of(self, window: WindowFamily, begin: int, end: int) -> Iterator[bytes]:
        """Return the keys that may have windows with begin <= start < end (ms), and a few more.

        A key may be repeated, and folding may continue between two keys. A short range is looked up
        by time; a range longer than half the retention returns all keys.
        """
        if end - begin > self.strategy.retention // 2:
            return self.each_key()
        return self._keys_over(begin, end + self._reach(window))

    def late_of(self, key: bytes) -> int:
        """Return how many of a key's records were late, within the retention."""
        return self._late_counts.of(key)

    def rows_of(self, key: bytes) -> list[Any]:
        """Return a key's records for each window definition of the table, each oldest first."""
        return [
            self.table.record(result)
            for window in self.strategy.windows
            for result in self.read(key, window, 0, OPEN)
        ]

    def span(self, key: bytes) -> tuple[int, int] | None:
        """Return the start of a key's oldest row and the end of its newest (ms); None if unknown.

        Rows are panes or closed windows; what is open in memory counts too.
        """
        spans = self._spans_in_memory(key)
        begin, end = prefix(key), row_key(key, OPEN)
        for row, value in islice(self.store.scan(begin, end), 1):
            spans.append(self._span_of(row, value))
        newest = self.store.last_before(begin, end)
        if newest is not None:
            spans.append(self._span_of(*newest))
        return (min(s for s, _ in spans), max(e for _, e in spans)) if spans else None

    def _keys_over(self, begin: int, end: int) -> Iterator[bytes]:
        # Memory first: a row that is written meanwhile was in memory before, so none is missed.
        yield from self._keys_in_memory(begin, end)
        for row in in_pieces(partial(self.store.keys_between, max(begin, 0), max(end, 0))):
            yield split_row_key(row)[0]

    # -- hooks of a window definition: see PaneState

    @abstractmethod
    def _take_window_rows(self) -> list[Row]:
        """Return the rows of windows that changed since the last call, encoded."""

    @abstractmethod
    def _settle_windows(self) -> None:
        """Drop from memory what the store now has and folding no longer needs."""

    @abstractmethod
    def _publish_windows(self, portion: Portion) -> int:
        """Publish windows that became final or changed, as many as fit into a portion.

        Sets `meta.finalised` and `behind`. Return the position up to which changes are published.
        """

    @abstractmethod
    def read(self, key: bytes, window: WindowFamily, begin: int, end: int) -> list[WindowResult]:
        """Return the windows of `key` with begin <= start < end (ms) that hold a record."""

    @abstractmethod
    def _reach(self, window: WindowFamily) -> int:
        """Return how much later than its window a row may start (ms)."""

    @abstractmethod
    def _previous(self, name: str, start: int) -> Pane | None:
        """Return the key's last pane before `start` (ms); None if there is none."""

    @abstractmethod
    def _span_of(self, row: bytes, value: bytes) -> tuple[int, int]:
        """Return start and end (ms) of what a row holds."""

    @abstractmethod
    def _spans_in_memory(self, key: bytes) -> list[tuple[int, int]]:
        """Return starts and ends (ms) of a key's windows in memory; the outermost suffice."""

    @abstractmethod
    def _keys_in_memory(self, begin: int, end: int) -> set[bytes]:
        """Return the keys with something in memory that starts in [begin, end) (ms)."""


def _state_of(pane: Pane | None, *_: object) -> Any | None:
    return None if pane is None else pane.state
