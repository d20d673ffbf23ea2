"""One partition of a table of count windows: each is final when it is full, whatever the time.

Windows of a key that start at the same event time differ by `first_offset`: the record that a
window begins with identifies it, and no two windows of a key begin with the same one.
"""

from collections import deque
from collections.abc import Iterator
from math import gcd
from typing import Any

from msgspec import Struct

from eventfold.engine.deadlines import Deadlines
from eventfold.engine.decoded import Decoded
from eventfold.engine.lateness import Lateness
from eventfold.engine.live_windows import Live, LiveWindows
from eventfold.engine.partition import RecordError
from eventfold.engine.portion import Portion
from eventfold.engine.rows import OPEN, Row, encode_row, row_key
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import Evidence, Folded, Pane, Span, WindowFold
from eventfold.windows.panes import BEFORE_ALL

#: A publication drops no further expired keys after this many of their rows.
SLICE = 1_000


class _Timed(Struct, gc=False):
    """State of an aggregate, with the lowest and the highest event time (ms) in it."""

    state: Any
    oldest: int
    newest: int


class Ring(Live):
    """Last panes of a key: those that a window which is not full yet may contain.

    A pane's `start` is its number, from 0 for the key's first records. Its row is that number
    modulo the panes of a window, so a pane overwrites one that no window needs any more.
    """

    key: bytes
    panes: deque[Pane]
    #: Stream time at the arrival of the last record (ms).
    reached: int
    #: Fold of the full panes, kept between windows; None before the first window is full, and
    #: where a window is one pane.
    fold: WindowFold | None = None
    #: Start (ms) of the window closed last, and start of its row.
    placed: tuple[int, int] = (BEFORE_ALL, BEFORE_ALL)


class CountWindows(LiveWindows[Ring]):
    """Count windows of `records` records of a key, one starting at each `every`-th record.

    Records count in order of arrival: window `k` holds the records
    `[k * every, k * every + records)` of the key, numbered from 0. It spans the time from the
    lowest event time in it to 1 ms after the highest. Panes of gcd(records, every) records make
    the cost of a record independent of how much the windows overlap.

    No record is late. A key expires when stream time advances by more than the retention without a
    record of it. Its next record is number 0 again, and the windows that were not full never become
    final. It makes no difference whether the key's rows are deleted by then.

    `meta.finalised` stays 0: no event time makes a count window final.
    """

    def __init__(self, partition: WindowPartition, lateness: Lateness) -> None:
        super().__init__(partition, lateness, [int] * 7)
        records, every = self._window.size, self._window.advance
        #: Records in a pane, panes in a window, panes from one window to the next.
        self._length = gcd(records, every)
        self._width = records // self._length
        self._hop = every // self._length
        self._rings: dict[bytes, Ring] = {}
        retention = partition.strategy.retention
        self._ends: Deadlines[Ring] = Deadlines(
            lambda ring: ring.reached + retention if ring.open else None
        )

    # -- opening

    def _restore(self, key: bytes, place: int, *fields: Any) -> None:
        del place
        number, count, first, last, oldest, newest, reached, state = fields
        ring = self._rings.setdefault(key, Ring(key, deque(), reached))
        ring.reached = max(ring.reached, reached)
        ring.panes.append(Pane(key, number, _Timed(state, oldest, newest), count, first, last))

    def _loaded(self) -> None:
        for ring in self._rings.values():
            ring.panes = deque(sorted(ring.panes, key=_number), self._width)
            self._ends.add(ring)
            if ring.panes[-1].last_offset >= self._meta.published:
                self._unpublished[ring] = None
        self.behind = self._ends.first(self._meta.stream_time - 1) is not None

    # -- folding

    def _fold_range(self, decoded: Decoded, begin: int, end: int) -> Ring | None:
        rings, length, meta = self._rings, self._length, self._meta
        add, retention, changed = (
            self._strategy.aggregate.add,
            self._strategy.retention,
            self._changed,
        )
        ring = None
        for index in range(begin, end):
            key, time, offset = decoded.keys[index], decoded.times[index], decoded.offsets[index]
            clock = max(meta.stream_time, time)
            try:
                ring = rings.get(key)
                if ring is None or clock - ring.reached > retention:
                    ring = self._begin(key, decoded.records[index], time, offset)
                elif ring.panes[-1].count == length:
                    self._append(ring, decoded.records[index], time, offset)
                else:
                    add(ring.panes[-1].state.state, decoded.records[index], time, offset)
            except Exception as error:  # an aggregate may raise anything
                raise RecordError(index, error) from error
            meta.stream_time = ring.reached = clock
            pane = ring.panes[-1]
            pane.count += 1
            pane.last_offset = offset
            pane.dirty = True
            timed = pane.state
            if time < timed.oldest:
                timed.oldest = time
            elif time > timed.newest:
                timed.newest = time
            if not ring.changed:
                ring.changed = True
                changed.append(ring)
            if pane.count == length:
                self._pane_is_full(ring, pane)
        return ring

    def _begin(self, key: bytes, record: Any, time: int, offset: int) -> Ring:
        """Start a key with its first record, or again after its expiry."""
        ring = Ring(key, deque(maxlen=self._width), max(self._meta.stream_time, time))
        self._append(ring, record, time, offset)
        former = self._rings.get(key)
        if former is None:
            self._partition.table.saw(key, self._partition.number)
        else:
            self._drop(former)
        self._rings[key] = ring
        self._ends.add(ring)
        return ring

    def _append(self, ring: Ring, record: Any, time: int, offset: int) -> None:
        """Fold a record into a new pane; the caller sets its count and last offset."""
        state = self._strategy.aggregate.zero()
        self._strategy.aggregate.add(state, record, time, offset)
        number = ring.panes[-1].start + 1 if ring.panes else 0
        ring.panes.append(Pane(ring.key, number, _Timed(state, time, time), 0, offset))

    def _pane_is_full(self, ring: Ring, pane: Pane) -> None:
        """Close and publish the window that ends with this pane, if one does."""
        end = pane.start + 1
        if ring.fold is not None:
            ring.fold.add([pane], end)
        begin = end - self._width
        if begin < 0 or begin % self._hop:
            return
        for folded in self._fold_of(ring, end).windows([Span(begin, end)]):
            window = _in_time(folded.state, folded.evidence)
            self._emit_window(ring.key, window, final=True)
            start, placed = ring.placed
            row = self._keep(ring.key, window, placed if start == window.span.start else None)
            if row is not None:
                ring.placed = window.span.start, row

    def _fold_of(self, ring: Ring, end: int) -> WindowFold:
        """Return the fold of a key's panes, all of which are full."""
        fold = ring.fold
        if fold is None:
            fold = WindowFold(self._merge)
            fold.add(ring.panes, end)
            ring.fold = fold if self._width > 1 else None
        return fold

    def _merge(self, left: _Timed, right: _Timed) -> _Timed:
        return _Timed(
            self._strategy.aggregate.merge(left.state, right.state),
            min(left.oldest, right.oldest),
            max(left.newest, right.newest),
        )

    # -- checkpoints

    def _encode(self, live: Ring) -> list[Row]:
        # Only the newest panes have changed.
        rows: list[Row] = []
        for pane in reversed(live.panes):
            if not pane.dirty:
                break
            pane.dirty = False
            rows.append((self._row(pane), self._value(live, pane)))
        return rows

    def _row(self, pane: Pane) -> bytes:
        return row_key(pane.key, OPEN + pane.start % self._width)

    def _value(self, ring: Ring, pane: Pane) -> bytes:
        timed = pane.state
        return encode_row(
            self._strategy.aggregate.version,
            pane.start,
            pane.count,
            pane.first_offset,
            pane.last_offset,
            timed.oldest,
            timed.newest,
            ring.reached,
            timed.state,
        )

    def expires_before(self) -> int:
        """Return the start (ms) from which on rows are kept."""
        return self._meta.stream_time - self._strategy.retention

    # -- publication

    def publish(self, portion: Portion, position: int) -> int:
        """Publish windows that became final or changed, as many as fit into a portion."""
        self.behind = False
        position = self._publish_changed(portion, position)
        dropped = 0
        while dropped < SLICE:
            ring = self._ends.pop(self._meta.stream_time - 1)
            if ring is None:
                break
            dropped += len(ring.panes)
            self._drop(ring)
            del self._rings[ring.key]
        self.behind |= self._ends.first(self._meta.stream_time - 1) is not None
        return position

    def _drop(self, ring: Ring) -> None:
        ring.open = False
        self._gone += map(self._row, ring.panes)

    def _newest(self, live: Ring) -> int:
        return live.panes[-1].last_offset

    def _publish_open(self, live: Ring) -> None:
        for window in self._filling(live):
            self._emit_window(live.key, window, final=False)

    def _filling(self, ring: Ring) -> Iterator[Folded]:
        """Yield the windows that are not full, newest first: each includes the one before."""
        # Its state may be the same object that records are folded into.
        newest = ring.panes[-1]
        lowest = newest.start - self._width + 1 + (newest.count == self._length)
        timed, count = None, 0
        for pane in reversed(ring.panes):
            if pane.start < lowest:
                return
            timed = pane.state if timed is None else self._merge(pane.state, timed)
            count += pane.count
            if pane.start % self._hop == 0:
                evidence = Evidence(count, pane.first_offset, newest.last_offset, 0)
                yield _in_time(timed, evidence)

    # -- queries

    def _open_windows(self, key: bytes) -> list[Folded]:
        ring = self._rings.get(key)
        if ring is None or self._meta.stream_time - ring.reached > self._strategy.retention:
            return []
        return list(self._filling(ring))

    def _open_keys(self) -> set[bytes]:
        return set(self._rings)

    def _open_keys_between(self, begin: int, end: int) -> set[bytes]:
        # A window starts with the oldest event of one of its panes.
        return {
            key
            for key, ring in self._rings.items()
            if any(begin <= pane.state.oldest < end for pane in ring.panes)
        }


def _number(pane: Pane) -> int:
    return pane.start


def _in_time(timed: _Timed, evidence: Evidence) -> Folded:
    return Folded(Span(timed.oldest, timed.newest + 1), timed.state, evidence)
