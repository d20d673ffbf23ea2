"""Lateness in one partition of a window table: its watermark, and the records that are late."""

from __future__ import annotations

from collections import Counter

from eventfold.engine import metrics
from eventfold.engine.decoded import Decoded
from eventfold.engine.late_counts import LateCounts
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import Rejection, watermark
from eventfold.windows.lateness import behind_bound


class Lateness:
    """Comparison of a partition's records with stream time."""

    def __init__(self, partition: WindowPartition) -> None:
        self._partition = partition
        self._meta = partition.meta
        self._grace = partition.strategy.grace
        #: Counts of each key's late records.
        self.counts = LateCounts(partition.table.name, partition.store)

    @property
    def watermark(self) -> int:
        """Watermark (ms): earlier records are late, windows that end by it are final."""
        meta = self._meta
        return watermark(meta.stream_time, self._grace, meta.finalised)

    def judge(
        self, decoded: Decoded, records: int, behind: list[int], late: list[tuple[int, int]]
    ) -> None:
        """Add `records` records to the lateness distribution, and reject the late ones.

        `behind` has, for each record that was behind stream time, by how many ms. `late` has, for
        each late record, its index in `decoded` and stream time (ms) at its arrival.
        """
        lateness = self._meta.lateness
        lateness[0] = lateness.get(0, 0) + records - len(behind)
        for ms, times in Counter(behind).items():
            bound = behind_bound(ms)
            lateness[bound] = lateness.get(bound, 0) + times
        if late:
            self._refuse(decoded, late)

    def _refuse(self, decoded: Decoded, late: list[tuple[int, int]]) -> None:
        table, number = self._partition.table.name, self._partition.number
        topic, make = self._partition.strategy.late_topic, self._partition.strategy.late_record
        metrics.late.labels(table, str(number)).inc(len(late))
        for index, stream_time in late:
            key, offset = decoded.keys[index], decoded.offsets[index]
            self.counts.add(key, stream_time)
            if topic is None or make is None:
                continue
            rejection = Rejection("late", stream_time, self._grace, number, offset, table)
            record = make(decoded.records[index], rejection)
            self._partition.outputs.append(topic, key.decode(), record, offset)
