"""Windows of one partition that follow the data: session windows and count windows.

What is open of a key has rows of its own from `OPEN` on: one for each session, or one for each pane
of count windows. A change writes one of them, however many there are. A window that closes moves to
a row at its start, in the transaction that publishes its final result.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Generic, TypeVar

from msgspec import Struct

from eventfold.engine.closed_windows import ClosedWindows
from eventfold.engine.decoded import Decoded
from eventfold.engine.lateness import Lateness
from eventfold.engine.partition import RecordError
from eventfold.engine.portion import Portion
from eventfold.engine.rows import LATE, OPEN, Row, RowDecoder, split_row_key
from eventfold.engine.window_partition import WindowPartition
from eventfold.engine.window_results import WindowResults
from eventfold.windows import Folded, WindowDefinition, WindowResult

_order = attrgetter("start", "end", "first_offset")


class Live(Struct, gc=False, eq=False, kw_only=True):
    """Open part of a key's data: a subclass is one session, or the panes of count windows."""

    #: Whether it is still open: not merged, closed or dropped.
    open: bool = True
    #: Whether it is in the list of changed ones.
    changed: bool = False


L = TypeVar("L", bound=Live)


class LiveWindows(ABC, Generic[L]):
    """Open windows in memory, whose rows begin with `fields`, and closed in the store."""

    #: No row is in memory for results that are still to come.
    held = 0

    def __init__(self, partition: WindowPartition, lateness: Lateness, fields: list[Any]) -> None:
        table, strategy = partition.table, partition.strategy
        aggregate = strategy.aggregate
        self._partition = partition
        self._store = partition.store
        self._meta = partition.meta
        self._strategy = strategy
        self._lateness = lateness
        self._window: WindowDefinition = strategy.windows[0]
        # These windows can't use a previous window: there is none while two may merge.
        self.results = WindowResults(partition, lambda _name, _start: None)
        #: Whether more is due than one publication may take on.
        self.behind = False
        self._closed = ClosedWindows(table.name, aggregate, partition.store)
        self._decode_open = RowDecoder(table.name, aggregate.version, [*fields, aggregate.state])
        #: What has changed since `_note_changes` moved it to the next two; each once.
        self._changed: list[L] = []
        self._unwritten: dict[L, None] = {}
        self._unpublished: dict[L, None] = {}
        #: Rows of what is no longer open, to be deleted.
        self._gone: list[bytes] = []

    # -- opening

    def load(self) -> None:
        """Load what is open from the store."""
        for row in self._store.keys_between(OPEN, LATE):
            value = self._store.get(row)
            if value is not None:
                key, start = split_row_key(row)
                self._restore(key, start - OPEN, *self._decode_open(row, value))
        self._loaded()

    # -- folding

    def fold(self, decoded: Decoded, begin: int) -> Sequence[RecordError]:
        """Fold `decoded[begin:]`, as `PartitionState._fold` does."""
        if not self._strategy.publishes_every_change:
            self._fold_range(decoded, begin, len(decoded.offsets))
            return ()
        for index in range(begin, len(decoded.offsets)):
            live = self._fold_range(decoded, index, index + 1)
            if live is not None:
                self._publish_open(live)
        return ()

    def _note_changes(self) -> None:
        for live in self._changed:
            live.changed = False
            self._unwritten[live] = None
            self._unpublished[live] = None
        self._changed.clear()

    # -- checkpoints

    @property
    def unpublished(self) -> bool:
        """Whether windows changed, or are left over, since the last publication."""
        return bool(self._changed) or bool(self._unpublished) or self.behind

    @property
    def changed_rows(self) -> int:
        """Number of rows in the next snapshot, approximately."""
        live = len(self._changed) + len(self._unwritten) + len(self._gone)
        return live + self._closed.changed

    def take_rows(self) -> list[Row]:
        """Return the rows changed or deleted since the last call."""
        self._note_changes()
        # Deletions first: a deleted row may be in use again by now.
        rows: list[Row] = [(row, None) for row in self._gone]
        for live in self._unwritten:
            if live.open:
                rows += self._encode(live)
        self._gone.clear()
        self._unwritten.clear()
        rows += self._closed.take_rows()
        return rows

    def settle(self) -> None:
        """Drop the closed windows that the store now has."""
        self._closed.settle()

    def _keep(self, key: bytes, window: Folded, row: int | None = None) -> int | None:
        """Add a closed window to a row; return the row's start, None if its retention is over."""
        # Expired rows are looked for from `meta.expired` on: an earlier one would never be deleted.
        if window.span.start < self._meta.expired:
            return None
        return self._closed.add(key, window, row)

    # -- publication

    def _publish_changed(self, portion: Portion, position: int) -> int:
        """Publish changed windows, if the table does so; return the position published up to."""
        # What changed longest ago is published first, so that the rest follows from the position.
        self._note_changes()
        changed: list[L] = []
        if (
            self._strategy.publishes_changes_of(self._window)
            and not self._strategy.publishes_every_change
        ):
            changed = sorted((live for live in self._unpublished if live.open), key=self._newest)
        self._unpublished.clear()
        for index, live in enumerate(changed):
            if portion.is_full:
                self._unpublished = dict.fromkeys(changed[index:])
                self.behind = True
                return self._newest(live)
            self._publish_open(live)
        return position

    def _emit_window(self, key: bytes, window: Folded, *, final: bool) -> None:
        result = self.results.result(key.decode(), self._window, *window, final=final)
        self.results.publish(result)

    # -- queries

    def read(
        self, key: bytes, window: WindowDefinition, begin: int, end: int
    ) -> list[WindowResult]:
        """Return the windows of `key` with begin <= start < end (ms); a closed one is final."""
        kept = max(begin, self.expires_before(), self._meta.expired)
        name = key.decode()
        results = [
            self.results.result(name, window, *closed, final=True)
            for closed in self._closed.between(key, kept, end)
        ]
        results += [
            self.results.result(name, window, *open_one, final=False)
            for open_one in self._open_windows(key)
            if begin <= open_one.span.start < end
        ]
        return sorted(results, key=_order)

    def keys(self) -> Iterable[bytes]:
        """Return the keys with a window in memory."""
        return chain(self._closed.keys(), self._open_keys())

    def keys_between(self, begin: int, end: int) -> set[bytes]:
        """Return the keys with a window in memory that has begin <= start < end (ms)."""
        return self._closed.keys_between(begin, end) | self._open_keys_between(begin, end)

    def spans(self, key: bytes, rows: Sequence[tuple[bytes, bytes]]) -> list[tuple[int, int]]:
        """Return starts and ends (ms) of a key's windows in memory, and of those in `rows`."""
        stored = [self._closed.span_of(row, value) for row, value in rows]
        opened = [window.span for window in self._open_windows(key)]
        return self._closed.spans(key) + opened + stored

    # -- of each window definition

    @abstractmethod
    def publish(self, portion: Portion, position: int) -> int:
        """Publish windows that became final or changed, up to a portion; return the position."""

    @abstractmethod
    def expires_before(self) -> int:
        """Return the start (ms) from which on rows are kept."""

    @abstractmethod
    def _encode(self, live: L) -> list[Row]:
        """Return the rows of what has changed in `live`, encoded."""

    @abstractmethod
    def _restore(self, key: bytes, place: int, *fields: Any) -> None:
        """Restore the fields of a row of `key` at `OPEN + place`; rows come in order of place."""

    @abstractmethod
    def _loaded(self) -> None:
        """Complete the restored state after the last row."""

    @abstractmethod
    def _fold_range(self, decoded: Decoded, begin: int, end: int) -> L | None:
        """Fold `decoded[begin:end]`; return what holds the last record. Raises RecordError."""

    @abstractmethod
    def _newest(self, live: L) -> int:
        """Return the offset of the newest record in `live`."""

    @abstractmethod
    def _publish_open(self, live: L) -> None:
        """Publish the windows of `live` that are not final."""

    @abstractmethod
    def _open_windows(self, key: bytes) -> list[Folded]:
        """Return the windows of `key` that are not final."""

    @abstractmethod
    def _open_keys(self) -> set[bytes]:
        """Return the keys with an open window."""

    @abstractmethod
    def _open_keys_between(self, begin: int, end: int) -> set[bytes]:
        """Return the keys with an open window that has begin <= start < end (ms)."""
