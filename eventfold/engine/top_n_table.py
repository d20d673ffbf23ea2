"""Grouped top-N table: the latest row of each key in a period, ranked or summed up by period.

It follows a repartition: one partition sees all keys, so the rows of a period can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from eventfold.engine.decoded import Decoded
from eventfold.engine.partition import PartitionState, RecordError
from eventfold.engine.rows import Row, RowDecoder, encode_row, row_key, split_row_key
from eventfold.engine.store import Store
from eventfold.engine.table import Host, StateTable
from eventfold.topics import Topic
from eventfold.windows import format_duration, milliseconds
from eventfold.windows.panes import BEFORE_ALL

#: Periods kept in memory; an older one is read from the store when it is needed.
PERIODS_IN_MEMORY = 3


class ClosedPeriodError(ValueError):
    """Record of a period whose rows were deleted: a ranking without them would be wrong."""


class TopNResult(msgspec.Struct, frozen=True):
    """Rows of a period, as the table's `record` function receives them."""

    #: Name of the period.
    key: str
    #: Start of the period (ms).
    start: int
    rows: list[Any]
    #: Highest event time (ms) in the rows.
    time: int
    #: Highest source offset in the rows.
    revision: int
    #: Source partition that the rows were folded from.
    partition: int = 0
    #: Stream time (ms) of the slowest input partition.
    stream_time: int = BEFORE_ALL

    def __str__(self) -> str:
        """Return the name of the result in a message."""
        return f"the period of key {self.key!r}"


class _Row(msgspec.Struct, gc=False):
    offset: int
    time: int
    value: Any


class TopNState(PartitionState):
    """State of one partition of a grouped top-N table."""

    table: TopNTable

    def __init__(
        self, table: TopNTable, partition: int, store: Store, *, reports_decode_errors: bool
    ) -> None:
        super().__init__(table, partition, store, reports_decode_errors=reports_decode_errors)
        self._periods: dict[int, dict[bytes, _Row]] = {}
        self._dirty: set[tuple[int, bytes]] = set()
        self._changed: set[int] = set()
        self._decode_row = RowDecoder(table.name, table.version, [int, int, table.row_type])
        self._heard: dict[int, float] = dict.fromkeys(table.inputs, self.clock.monotonic())

    def _load(self) -> None:
        for start in self.starts():
            if any(row.offset >= self.meta.published for row in self._read(start).values()):
                self._changed.add(start)

    def _fold(self, decoded: Decoded, begin: int) -> None:
        for index in range(begin, len(decoded.offsets)):
            record, key, time = decoded.records[index], decoded.keys[index], decoded.times[index]
            try:
                start, value = self._open_period(record), self.table.row(record)
                input_partition, input_time = self.table.origin(record)
            except Exception as error:  # a user's functions may raise anything
                raise RecordError(index, error) from error
            self._hear(input_partition, input_time)
            period = self._period(start)
            if key not in period:
                self.table.saw(key, self.partition)
            period[key] = _Row(decoded.offsets[index], time, value)
            self._dirty.add((start, key))
            self._changed.add(start)
            self.meta.stream_time = max(self.meta.stream_time, time)

    def _open_period(self, record: Any) -> int:
        start = self.table.group(record)
        if start < self.meta.expired:
            name = self.table.period_name(start)
            raise ClosedPeriodError(f"{name} is older than the retention, its rows are deleted")
        return start

    def _hear(self, partition: int, stream_time: int) -> None:
        times = self.meta.inputs
        times[partition] = max(stream_time, times.get(partition, BEFORE_ALL))
        self._heard[partition] = self.clock.monotonic()

    def _period(self, start: int) -> dict[bytes, _Row]:
        if start not in self._periods:
            self._periods[start] = self._read(start)
        return self._periods[start]

    def _read(self, start: int) -> dict[bytes, _Row]:
        rows = {}
        for row in self.store.keys_between(start, start + 1):
            value = self.store.get(row)
            if value is not None:
                rows[split_row_key(row)[0]] = _Row(*self._decode_row(row, value))
        return rows

    @property
    def unpublished(self) -> bool:
        """Whether a period changed since the last publication."""
        return bool(self._changed)

    @property
    def changed_rows(self) -> int:
        """Number of rows in the next snapshot."""
        return len(self._dirty)

    def _take_rows(self) -> list[Row]:
        rows: list[Row] = []
        for start, key in self._dirty:
            row = self._periods[start][key]
            value = encode_row(self.table.version, row.offset, row.time, row.value)
            rows.append((row_key(key, start), value))
        self._dirty.clear()
        return rows

    def _expires_before(self) -> int:
        # The slowest input partition decides: in a replay one may be days ahead of another. The
        # wall clock decides which is idle; the effect, what was deleted, is in the meta row.
        now, idle = self.clock.monotonic(), self.table.runtime.conf.idle / 1000
        awaited = [each for each, heard in self._heard.items() if now - heard < idle]
        times = self.meta.inputs
        slowest = min(
            (times.get(each, BEFORE_ALL) for each in awaited), default=self.meta.stream_time
        )
        return slowest - self.table.retention - self.table.period + 1

    def _publish(self) -> int:
        for start in sorted(self._changed):
            result = self._sum_up(start)
            if result is not None:
                name = self.table.published_key
                key = result.key if name is None else name(result)
                self.outputs.publish(result, key, self.position - 1)
        self._changed.clear()
        return self.position

    def _settle(self) -> None:
        busy = self._changed | {start for start, _ in self._dirty}
        old = sorted(self._periods)[:-PERIODS_IN_MEMORY]
        for start in [*old, *(start for start in self._periods if start < self.meta.expired)]:
            if start not in busy:
                self._periods.pop(start, None)

    def result(self, start: int) -> TopNResult | None:
        """Return the result of the period at `start` (ms); None if it has no rows."""
        return None if start < self.meta.expired else self._sum_up(start)

    def _sum_up(self, start: int) -> TopNResult | None:
        # A period may be published in the same checkpoint that deletes it.
        rows = self._periods.get(start) or self._read(start)
        if not rows:
            return None
        return TopNResult(
            self.table.period_name(start),
            start,
            [row.value for row in rows.values()],
            max(row.time for row in rows.values()),
            max(row.offset for row in rows.values()),
            self.partition,
            min(self.meta.inputs.values(), default=self.meta.stream_time),
        )

    def starts(self) -> list[int]:
        """Return the starts (ms) of the periods that have rows, oldest first."""
        starts = set(self.store.starts()) | set(self._periods)
        return sorted(start for start in starts if start >= self.meta.expired)

    def rows_of(self, key: bytes) -> list[Any]:
        """Return the rows of a key, oldest period first."""
        periods = (self._periods.get(start) or self._read(start) for start in self.starts())
        return [rows[key].value for rows in periods if key in rows]


class TopNTable(StateTable):
    """Grouped top-N table: the latest row of each key, by period.

    `period` is in ms, `retention` in ms or text (`"8d"`).

    `group` returns the start (ms) of a record's period, which is `period` long, and `row` the value
    kept of a record (a `row_type`). `period_name` returns the name of a period by its start.
    `record` makes the published record of a `TopNResult`.

    `inputs` are the partitions that the source gathers. `origin` returns which of them a record
    came from, and stream time (ms) there. A period is kept until the slowest input that is not idle
    has passed it by the retention. Where the source is partitioned like its inputs, `inputs` is
    empty: each partition has its own.

    `published_key` returns the key of a published record, by default the name of the period. The
    first of two stages names its partition there, so that the second keeps the latest of each.

    Raise `version` whenever the shape of `row_type` changes.
    """

    abstract = True
    timed = True

    def __init__(
        self,
        app: Host,
        *,
        name: str,
        source: Topic,
        group: Callable[[Any], int],
        period: int,
        period_name: Callable[[int], str],
        row: Callable[[Any], Any],
        row_type: type[Any],
        record: Callable[[TopNResult], Any],
        origin: Callable[[Any], tuple[int, int]],
        inputs: Iterable[int],
        retention: int | str,
        help: str,
        version: int = 1,
        published_key: Callable[[TopNResult], str] | None = None,
    ) -> None:
        self.origin = origin
        self.published_key = published_key
        self.inputs = tuple(inputs)
        self.group = group
        self.period = period
        self.period_name = period_name
        self.row = row
        self.row_type = row_type
        self.version = version
        retention = milliseconds(retention)
        super().__init__(
            app,
            name=name,
            source=source,
            record=record,
            retention=retention,
            help=help,
            layout=f"{row_type.__name__} {version}",
            definition={"retention": format_duration(retention)},
        )

    def new_state(self, partition: int, store: Store, *, reports_decode_errors: bool) -> TopNState:
        """Return the state of a partition, backed by its opened store."""
        return TopNState(self, partition, store, reports_decode_errors=reports_decode_errors)

    def group_record(self, start: int | None = None) -> Any | None:
        """Return the record of what `group_result` finds; None if it finds nothing."""
        result = self.group_result(start)
        return None if result is None else self.record(result)

    def group_result(self, start: int | None = None) -> TopNResult | None:
        """Return the result of the period at `start` (ms), or of the latest, if it is local."""
        for state in self._group_states():
            found = max(state.starts(), default=None) if start is None else start
            result = None if found is None else state.result(found)
            if result is not None:
                return result
        return None

    def group_results(self) -> Iterator[TopNResult]:
        """Yield the results of the periods that have rows on this worker, the newest first."""
        states = list(self._group_states())
        for start in sorted({start for state in states for start in state.starts()}, reverse=True):
            yield from filter(None, (state.result(start) for state in states))

    def period_names(self) -> list[str]:
        """Return the names of the periods that have rows on this worker, oldest first."""
        starts = {start for state in self._group_states() for start in state.starts()}
        return [self.period_name(start) for start in sorted(starts)]

    def _group_states(self) -> Iterable[TopNState]:
        return (state for state in self.open_states() if isinstance(state, TopNState))
