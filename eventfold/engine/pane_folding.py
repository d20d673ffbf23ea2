"""Folding of records into the panes of one partition."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from eventfold.engine import metrics
from eventfold.engine.decoded import Decoded
from eventfold.engine.lateness import Lateness
from eventfold.engine.panes import Panes
from eventfold.engine.partition import RecordError
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import Pane

#: Fewest records per key and pane, on average, for which a batch is folded key by key.
RECURRING = 5


class PaneFolding:
    """The three ways to fold records: in C, key by key, and one by one."""

    def __init__(self, partition: WindowPartition, panes: Panes, lateness: Lateness) -> None:
        self._table = partition.table.name
        self._partition = partition.number
        self._meta = partition.meta
        self._strategy = partition.strategy
        self._panes = panes
        self._lateness = lateness

    def fold_at_once(self, decoded: Decoded) -> list[RecordError]:
        """Fold a whole batch the fastest way; return the records not folded. Raises RecordError."""
        if self._fold_natively(decoded):
            return []
        if self._goes_by_key(decoded):
            return self._fold_by_key(decoded)
        self.fold_range(decoded, 0, len(decoded.offsets))
        return []

    def _fold_natively(self, decoded: Decoded) -> bool:
        """Fold trades by the native extension, with the same result; return whether it did."""
        native, slices = self._panes.native, self._strategy.slices
        trades = decoded.trades(native) if native is not None and slices.length else None
        if native is None or trades is None:
            return False
        clock = self._meta.stream_time
        first, last = trades.span
        by_key = (
            trades.in_order
            and first >= clock
            and self._recur(len(trades), len(trades.keys), first, last)
        )
        behind: list[int] = []
        late: list[tuple[int, int]] = []
        if not native.trades.fold(
            trades,
            self._panes.by_key,
            slices.length,
            slices.offset,
            clock,
            self._strategy.grace,
            self._meta.finalised,
            self._panes.new,
            self._panes.dirty,
            behind,
            late,
            by_key,
        ):
            return False
        self._meta.stream_time = max(clock, last)
        self._lateness.judge(decoded, len(trades), behind, late)
        return True

    def _goes_by_key(self, decoded: Decoded) -> bool:
        """Return whether to fold key by key: no record is behind stream time, and keys recur."""
        times, slices = decoded.times, self._strategy.slices
        return (
            self._strategy.add_all is not None
            and slices.length > 0
            and times[0] >= max(self._meta.stream_time, slices.offset)
            # Last, because grouping by key is the most expensive check.
            and self._recur(len(times), 1, times[0], times[-1])
            and decoded.in_order
            and self._recur(len(times), len(decoded.by_key), times[0], times[-1])
        )

    def _recur(self, records: int, keys: int, first: int, last: int) -> bool:
        """Return whether `records` average RECURRING a key and pane, and outnumber the keys."""
        panes = 1 + (last - first) // self._strategy.slices.length
        return records >= max(RECURRING * panes * keys, len(self._panes.by_key))

    def _fold_by_key(self, decoded: Decoded) -> list[RecordError]:
        """Fold a batch that `_goes_by_key` allows, key by key; return the records not folded."""
        add_all: Any = self._strategy.add_all
        length, origin = self._strategy.slices.length, self._strategy.slices.offset
        records, times, offsets = decoded.records, decoded.times, decoded.offsets
        failed: list[RecordError] = []
        for key, indexes in decoded.by_key.items():
            begin, newest = 0, times[indexes[-1]]
            while begin < len(indexes):
                time = times[indexes[begin]]
                start = time - (time - origin) % length
                part, stop = indexes, len(indexes)
                if begin or newest >= start + length:
                    stop = bisect_left(indexes, start + length, lo=begin, key=times.__getitem__)
                    part = indexes[begin:stop]
                begin = stop
                pane = self._panes.by_key.get(key, {}).get(start) or self._panes.new(key, start)
                try:
                    add_all(pane.state, records, times, offsets, part)
                except Exception:  # noqa: BLE001  # an aggregate may raise anything
                    part = self._add_each(pane, decoded, part, failed)
                    if not part:
                        self._panes.discard_empty(key)
                        continue
                if pane.count == 0:
                    pane.first_offset = offsets[part[0]]
                pane.count += len(part)
                pane.last_offset = offsets[part[-1]]
                if not pane.dirty:
                    pane.dirty = True
                    self._panes.dirty.append(pane)
        gone = {error.index for error in failed}
        accepted = (i for i in range(len(times) - 1, -1, -1) if i not in gone)
        last = next(accepted, None)
        if last is not None:
            self._meta.stream_time = times[last]
        self._lateness.judge(decoded, len(times) - len(failed), [], [])
        return failed

    def _add_each(
        self, pane: Pane, decoded: Decoded, indexes: Sequence[int], failed: list[RecordError]
    ) -> list[int]:
        """Add records one by one; return the indexes of those added. The others go to `failed`."""
        added: list[int] = []
        for index in indexes:
            try:
                self._strategy.aggregate.add(
                    pane.state, decoded.records[index], decoded.times[index], decoded.offsets[index]
                )
            except Exception as error:  # noqa: BLE001  # an aggregate may raise anything
                failed.append(RecordError(index, error))
            else:
                added.append(index)
        return added

    def fold_range(  # noqa: C901, PLR0912, PLR0915  # a call for each record costs more than it reads better
        self, decoded: Decoded, begin: int, end: int
    ) -> None:
        """Fold `decoded[begin:end]`. Raises RecordError for a record that can't be folded."""
        # Hot loop: everything it touches is a local variable.
        strategy, panes_of, dirty = self._strategy, self._panes.by_key, self._panes.dirty
        add, grace, slices = strategy.aggregate.add, strategy.grace, strategy.slices
        length, origin = slices.length, slices.offset
        keys, times = decoded.keys, decoded.times
        offsets, records = decoded.offsets, decoded.records
        clock = self._meta.stream_time
        limit = self._lateness.watermark
        late: list[tuple[int, int]] = []
        behind: list[int] = []
        outside = 0
        index = begin
        try:
            for index in range(begin, end):
                time = times[index]
                if time > clock:
                    clock = time
                    if limit < time - grace:  # noqa: PLR1730  # a call costs more
                        limit = time - grace
                elif time < clock:
                    behind.append(clock - time)
                    if time < limit:
                        late.append((index, clock))
                        continue
                start = time - (time - origin) % length if length else slices.start_of(time)
                try:
                    pane = panes_of[keys[index]][start]
                except KeyError:
                    if start < 0:
                        outside += 1
                        continue
                    pane = self._panes.new(keys[index], start)
                offset = offsets[index]
                add(pane.state, records[index], time, offset)
                if pane.count == 0:
                    pane.first_offset = offset
                pane.count += 1
                pane.last_offset = offset
                if not pane.dirty:
                    pane.dirty = True
                    dirty.append(pane)
                if clock > time:
                    reached = clock - (clock - origin) % length if length else slices.floor(clock)
                    if reached > start:
                        pane.correct(reached)
            index = end
        except Exception as error:  # an aggregate may raise anything
            # A record that was not accepted must not move stream time or leave an empty pane.
            if times[index] < clock:
                behind.pop()
            clock = max([self._meta.stream_time, *times[begin:index]])
            self._panes.discard_empty(keys[index])
            raise RecordError(index, error) from error
        finally:
            self._meta.stream_time = clock
            self._lateness.judge(decoded, index - begin, behind, late)
            if outside:
                metrics.outside.labels(self._table, str(self._partition)).inc(outside)
