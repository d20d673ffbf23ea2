"""Results of windows: made of what was folded, published, and counted."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from eventfold.engine import metrics
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import (
    Evidence,
    Pane,
    Span,
    WindowDefinition,
    WindowResult,
    is_final,
    revision,
)


class WindowResults:
    """Results of one partition's windows.

    `previous` returns the last pane of a key, by its name, before a start (ms).
    """

    def __init__(
        self, partition: WindowPartition, previous: Callable[[str, int], Pane | None]
    ) -> None:
        self._table = partition.table.name
        self._partition = partition.number
        self._meta = partition.meta
        self._outputs = partition.outputs
        self._looks_back = partition.strategy.uses_previous_window
        self._previous = previous
        #: Number of results written in this publication, by whether they are final.
        self.published: Counter[bool] = Counter()

    def result(
        self,
        key: str,
        window: WindowDefinition,
        span: Span,
        state: Any,
        evidence: Evidence,
        *,
        final: bool | None = None,
    ) -> WindowResult:
        """Return a window's result; `final` None: final if its end is by `meta.finalised`."""
        start, end = span
        if final is None:
            final = is_final(end, self._meta.finalised)
        newest, before = evidence.last_offset, self.before
        if self._looks_back:
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
            self._partition,
            self._meta.stream_time,
            before,
        )

    def before(self, name: str, start: int) -> Any | None:
        """Return the state of the key's last pane before `start` (ms); None if there is none."""
        return _state_of(self._previous(name, start))

    def publish(self, result: WindowResult) -> None:
        """Write a result to the table's topics."""
        if self._outputs.publish(result, result.key, result.last_offset):
            self.published[result.final] += 1

    def count(self) -> None:
        """Add the results of this publication to the metrics."""
        for final, results in self.published.items():
            metrics.published.labels(self._table, str(final).lower()).inc(results)
        self.published.clear()


def _state_of(pane: Pane | None, *_: object) -> Any | None:
    return None if pane is None else pane.state
