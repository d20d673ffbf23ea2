"""Lateness in one partition of a window table: its watermark, and the records that are late."""

from collections import Counter
from itertools import islice

from eventfold.engine import metrics
from eventfold.engine.decoded import Decoded
from eventfold.engine.rows import LATE, RowDecoder, encode_row, row_key, split_row_key
from eventfold.engine.store import Store
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import Rejection, watermark
from eventfold.windows.lateness import behind_bound

#: Length (ms of stream time) of the slot that counts are kept by: the day of arrival.
SLOT = 86_400_000

VERSION = 1

#: Key, start of the day (ms).
_Slot = tuple[bytes, int]


class LateCounts:
    """Counts of late records of one partition of a table, by key and day of arrival.

    Their rows have starts after those of windows, in the same store and changelog.
    """

    def __init__(self, table: str, store: Store) -> None:
        self._store = store
        self._decode = RowDecoder(table, VERSION, [int])
        #: Changed counts that the store does not have yet.
        self._counts: dict[_Slot, int] = {}
        self._dirty: set[_Slot] = set()
        #: Day (ms) up to which, and row beyond it up to which, rows were deleted since the opening.
        self._expired = 0
        self._expired_row = b""

    def add(self, key: bytes, stream_time: int) -> None:
        """Count a late record of `key` that arrived at `stream_time` (ms)."""
        slot = key, stream_time - stream_time % SLOT
        if slot not in self._counts:
            self._counts[slot] = self._read(row_key(key, LATE + slot[1]))
        self._counts[slot] += 1
        self._dirty.add(slot)

    @property
    def changed(self) -> int:
        """Number of counts changed since the last `take_rows`."""
        return len(self._dirty)

    def of(self, key: bytes) -> int:
        """Return how many records of `key` were late."""
        rows = self._store.scan(row_key(key, LATE), row_key(key, 2 * LATE - 1))
        counts = {split_row_key(row): self._decode(row, value)[0] for row, value in rows}
        counts |= {
            (each, LATE + day): count for (each, day), count in self._counts.items() if each == key
        }
        return sum(counts.values())

    def take_rows(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call, encoded."""
        rows: list[tuple[bytes, bytes | None]] = [
            (row_key(key, LATE + day), encode_row(VERSION, self._counts[key, day]))
            for key, day in self._dirty
        ]
        self._dirty.clear()
        return rows

    def settle(self) -> None:
        """Drop the counts that the store now has."""
        self._counts = {slot: self._counts[slot] for slot in self._dirty}

    def expire(self, end: int, most: int) -> list[bytes]:
        """Return at most `most` rows of days that ended before `end` (ms), taken to be deleted."""
        end = max(end - SLOT, 0)
        if end <= self._expired:
            return []
        found = self._store.keys_between(LATE + self._expired, LATE + end, self._expired_row)
        rows = list(islice(found, most))
        if len(rows) == most:
            self._expired_row = rows[-1]
        else:
            self._expired, self._expired_row = end, b""
        return rows

    def _read(self, row: bytes) -> int:
        value = self._store.get(row)
        return 0 if value is None else self._decode(row, value)[0]


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
