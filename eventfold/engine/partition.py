"""One partition of a table: its rows, its position, its stream time.

Folding is synchronous, so a snapshot is always taken between two batches. The task writes a
snapshot in one transaction; only after the commit do its rows go to the store.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition

from eventfold.engine import metrics
from eventfold.engine.definitions import demand_same_windows
from eventfold.engine.errors import (
    OtherHistoryError,
    TaskError,
    TooLargeError,
    UnwritableError,
    afresh,
    changelog_made_anew,
    describe_error,
)
from eventfold.engine.key_places import MOST_SHOWN
from eventfold.engine.outputs import Out, Outputs
from eventfold.engine.owner import Table
from eventfold.engine.replica import differ
from eventfold.engine.rows import (
    META,
    Meta,
    Row,
    UnreadableRowError,
    decode_meta,
    encode_meta,
    split_row_key,
)
from eventfold.engine.store import StoreError, in_pieces
from eventfold.engine.uncommitted import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eventfold.engine.batch import Batch
    from eventfold.engine.decoded import Decoded
    from eventfold.engine.store import Store
    from eventfold.engine.unwritable import Careful

logger = logging.getLogger(__name__)

#: Maximum number of expired rows that one checkpoint deletes (late counts: as many again).
EXPIRE_SLICE = 5_000

#: Rows of a partition in memory above which folding waits for overdue results: where each window
#: holds a tick or two, publishing takes longer than folding.
CROWD = 20_000

#: Assumed size of a row (bytes) until some have been encoded.
ROW_BYTES = 400

#: Seconds by which a publication may come early: the time of its checkpoint is a sum of floats.
EARLY = 0.001


@dataclass
class Snapshot:
    """Contribution of one table to a checkpoint."""

    #: Rows by key; None deletes.
    rows: list[Row]
    position: int
    #: Records for topics, by (topic, partition), in the order they were made.
    outputs: dict[tuple[str, int], list[Out]] = field(default_factory=dict)


class PartitionState(ABC):
    """State of one partition of a table, folded from one partition of its source."""

    def __init__(
        self, table: Table, partition: int, store: Store, *, reports_decode_errors: bool
    ) -> None:
        self.table = table
        runtime = table.runtime
        self.partition = partition
        self.store = store
        self.meta = Meta()
        #: Whether this table reports decode errors: of several tables on one source, the first
        #: does.
        self.reports_decode_errors = reports_decode_errors
        self.position = 0
        self.clock = runtime.clock
        self.outputs = Outputs(table, partition)
        #: Memory (bytes) of the snapshot being written, and of a row in the last snapshot.
        self._in_flight = 0
        self._row_bytes = ROW_BYTES
        #: Whether overdue results are being written: their rows are still in memory.
        self._catching_up = False
        #: Last row that was deleted for its age, if more expired rows follow it.
        self._expired_row = b""
        self._careful = runtime.unwritable.of(TopicPartition(table.source.name, partition))
        #: Rows of records that were folded one by one, for the next snapshot.
        self._kept_rows: list[Row] = []
        self._committed_position = 0
        self._published_at = self.clock.monotonic()

    # -- opening

    @property
    def restored_position(self) -> int | None:
        """Offset of the next record to fold, from the meta row; None without one."""
        return self.meta.positions.get(self.table.source.name)

    def load(self) -> None:
        """Load the meta row and the rows that folding needs from the restored store.

        Raises UnreadableRowError for rows of another layout or version, OtherHistoryError if the
        store is of another changelog, and TaskError if the table had other windows.
        """
        value = self.store.get(META)
        layout, conf = self.table.layout, self.table.runtime.conf
        self.meta.become(decode_meta(value) if value is not None else Meta(layout=layout))
        definition = self.table.definition
        demand_same_windows(self.table.name, self.meta.definition, definition, conf)
        self.meta.definition = definition
        if self.meta.layout != layout:
            raise UnreadableRowError(
                f"table {self.table.name}: its rows are {self.meta.layout}, this code and its "
                f"settings ask for {layout}; set them back, or {afresh(conf)}"
            )
        if differ(self.meta.history, self.store.history):
            # The writer did not know yet that the changelog was made anew: rows are missing.
            raise OtherHistoryError(changelog_made_anew(self.table.changelog.name, conf))
        self.meta.history = self.store.history or self.meta.history
        self._load()

    def follows(self, source_id: str) -> bool:
        """Return whether the position is of the topic with this id; adopt an id if it has none.

        State written by earlier versions has no id, and brokers may have no topic ids ("").
        """
        ids, name = self.meta.source_ids, self.table.source.name
        if source_id and name not in ids:
            ids[name] = source_id
        return not source_id or ids[name] == source_id

    def start(self, position: int) -> None:
        """Set the offset of the source at which folding begins."""
        self.position = self._committed_position = position

    # -- folding

    def fold(self, batch: Batch) -> None:
        """Fold the records of a batch that are not folded yet.

        A record whose folding raises becomes a dead letter. Raises UnwritableError, while records
        are folded one by one, for a row that can't be written.
        """
        self.outputs.publishing = None
        decoded = batch.decoded
        begin, count = 0, len(decoded)
        if count and decoded.first_offset < self.position:
            begin = bisect_left(decoded.offsets, self.position)
        if self.reports_decode_errors:
            for letter in decoded.bad:
                if letter.offset >= self.position:
                    self.outputs.dead(letter)
        if begin < count:
            self._fold_all(batch, decoded, begin)
            self._count(count - begin)
        self.position = max(self.position, decoded.next_offset)

    def _fold_all(self, batch: Batch, decoded: Decoded, begin: int) -> None:
        """Fold `decoded[begin:]`; a record whose folding raises becomes a dead letter."""
        if self._careful is not None and decoded.offsets[begin] < self._careful.until:
            begin = self._fold_carefully(batch, decoded, begin, self._careful)
        while begin < len(decoded):
            try:
                failed = self._fold(decoded, begin)
            except RecordError as error:
                self._refuse_record(batch, error)
                begin = error.index + 1
            else:
                for each in failed or ():
                    self._refuse_record(batch, each)
                return

    def _fold_carefully(self, batch: Batch, decoded: Decoded, begin: int, careful: Careful) -> int:
        """Fold records one by one, each with its rows; return the index of the first one left.

        Raises UnwritableError with the offset of a record whose row can't be written.
        """
        left_out = careful.left_out(self.table.name)
        for index in range(begin, len(decoded)):
            offset = decoded.offsets[index]
            if offset >= careful.until:
                return index
            if offset in left_out:
                self._refuse_record(batch, RecordError(index, ValueError(left_out[offset])))
                continue
            try:
                failed = self._fold(decoded.only(index), 0)
            except RecordError as error:
                self._refuse_record(batch, RecordError(index, error.cause))
            else:
                for each in failed or ():
                    self._refuse_record(batch, RecordError(index, each.cause))
            self._kept_rows += self._rows_to_write(offset)
        return len(decoded)

    def _rows_to_write(self, offset: int | None = None) -> list[Row]:
        """Take the rows changed by the record at `offset`, or all changes since the last call.

        Raises UnwritableError for a row that is too large or holds a value that can't be encoded.
        """
        why = None
        rows: list[Row] = []
        try:
            rows = self._take_rows()
        except (OverflowError, RecursionError) as error:
            why = f"a row raised {type(error).__name__}: {error}"
        for row, value in rows:
            if value is not None and len(row) + len(value) > self.outputs.largest:
                what = f"the row of key {split_row_key(row)[0][:MOST_SHOWN]!r}"
                size = len(row) + len(value)
                why = str(TooLargeError(what, size, self.outputs.largest, self.table.runtime.conf))
        if why is not None:
            raise UnwritableError(
                self.table.name,
                f"table {self.table.name}: {why}",
                self._committed_position,
                self.position if offset is None else offset + 1,
                offset,
            )
        return rows

    def _refuse_record(self, batch: Batch, error: RecordError) -> None:
        offset = batch.decoded.offsets[error.index]
        raw = next(record for record in batch.raw if record.offset == offset)
        self.outputs.dead(batch.task.decoder.dead_letter(raw, error.cause, self.table.name))

    def _count(self, records: int) -> None:
        labels = self.table.name, str(self.partition)
        metrics.records.labels(*labels).inc(records)
        metrics.batches.labels(*labels).inc()

    # -- checkpoints

    @property
    def dirty(self) -> bool:
        """Whether a checkpoint has something to write."""
        return self.position != self._committed_position or bool(self.outputs.records)

    @property
    def backpressured(self) -> bool:
        """Whether folding must wait until overdue results have been written (backpressure)."""
        return (self.behind or self._catching_up) and self.held > CROWD

    @property
    def uncommitted_bytes(self) -> int:
        """Estimated memory (bytes) of what is folded and not committed; read once a batch."""
        return self._in_flight + self.outputs.size + self.changed_rows * self._row_bytes

    @property
    def changed_rows(self) -> int:
        """Approximate number of rows in the next snapshot."""
        return 0

    @property
    def held(self) -> int:
        """Number of rows in memory because results of them are still to come."""
        return 0

    @property
    def behind(self) -> bool:
        """Whether more work is due than one checkpoint may take on: the next follows at once."""
        return False

    @property
    def unpublished(self) -> bool:
        """Whether a publication has something to publish."""
        return False

    def publication_due(self, now: float) -> bool:
        """Return whether to publish at `now` (s, monotonic clock)."""
        if self.behind:
            return True
        due = self._published_at + self.table.publish_interval / 1000
        return now >= due - EARLY and self.unpublished

    def _publication_time(self) -> float:
        """Return the time (s) when this publication was due, or now if that is off by an interval.

        Counting from the due time keeps one late publication from delaying those after it.
        """
        now, interval = self.clock.monotonic(), self.table.publish_interval / 1000
        due = self._published_at + interval
        return due if due - EARLY <= now < due + interval else now

    def snapshot(self, *, publish: bool) -> Snapshot:
        """Take the changes since the last snapshot; folding may go on, into the next one.

        Raises TaskError if a user's function raises: it would do so at each attempt. Raises
        UnwritableError for a row that can't be written.
        """
        self.outputs.publishing = None
        try:
            return self._snapshot(publish=publish)
        except (StoreError, UnreadableRowError, UnwritableError):
            raise
        except Exception as error:
            what = (
                f"publishing {self.outputs.publishing}"
                if self.outputs.publishing
                else "a checkpoint"
            )
            logger.exception("Table %s can't go on", self.table.name)
            raise TaskError(
                f"table {self.table.name}: {what} of partition {self.partition} raised "
                f"{describe_error(error)}"
            ) from error

    def _snapshot(self, *, publish: bool) -> Snapshot:
        if publish:
            self._catching_up = self.behind
            self.meta.published = self._publish()
            self._published_at = self._publication_time()
        kept, self._kept_rows = self._kept_rows, []
        rows = kept + self._rows_to_write()
        if publish:
            # Rows are deleted in the transaction that publishes the last of them, or later.
            rows = self._without_expired(rows)
        self.meta.positions[self.table.source.name] = self.position
        rows.append((META, encode_meta(self.meta)))
        written = size_of(rows)
        self._row_bytes = written // len(rows)
        self._in_flight = written + self.outputs.size
        return Snapshot(rows, self.position, self.outputs.take())

    def _without_expired(self, rows: list[Row]) -> list[Row]:
        before, expired = self.meta.expired, self._expire()
        if self.meta.expired > before:
            # Expired rows in this very snapshot must never get to the store.
            rows = [row for row in rows if split_row_key(row[0])[1] >= self.meta.expired]
        rows += ((row, None) for row in expired)
        return rows

    def _expire(self) -> list[bytes]:
        """Return rows past their retention, oldest first, at most EXPIRE_SLICE of them.

        From now on all rows before `meta.expired` count as deleted, also those that later
        checkpoints delete: a query would take the rows left of a window for the whole window.
        """
        meta = self.meta
        # Resume where the last deletion ended: a scan from the first row would walk over all the
        # tombstones that the store has not compacted away yet.
        begin = meta.expired if meta.expiring is None else meta.expiring
        meta.expired = max(meta.expired, self._expires_before())
        if meta.expired <= begin:
            return []
        found = self.store.keys_between(begin, meta.expired, self._expired_row)
        rows = list(islice(found, EXPIRE_SLICE))
        if len(rows) == EXPIRE_SLICE:
            self._expired_row = rows[-1]
            meta.expiring = split_row_key(rows[-1])[1]
        else:
            self._expired_row, meta.expiring = b"", None
        return rows

    @property
    def committed_position(self) -> int:
        """Offset of the next record to fold, as of the last checkpoint."""
        return self._committed_position

    @property
    def uncommitted(self) -> int:
        """Number of offsets that are folded and in no checkpoint yet."""
        return self.position - self._committed_position

    def committed(self, snapshot: Snapshot, changelog_offset: int) -> None:
        """Write a snapshot that Kafka has committed to the store."""
        self.store.write(snapshot.rows, changelog_offset, self.table.timed)
        self._in_flight = 0
        self._catching_up = False
        self._committed_position = snapshot.position
        if not self._kept_rows:
            # Rows kept for the next snapshot are not in the store yet, so memory must keep them.
            self._settle()

    # -- of each kind of table; by default one without rows and results

    @abstractmethod
    def _fold(self, decoded: Decoded, begin: int) -> Sequence[RecordError] | None:
        """Fold `decoded[begin:]`; return the records that could not be folded if all others were.

        Raises RecordError for the first such record if only the records before it were folded.
        """

    def _load(self) -> None:  # noqa: B027  # a table without rows loads none
        """Load the rows that folding needs in memory from the store."""

    def _take_rows(self) -> list[Row]:
        """Return the rows changed or deleted since the last call, encoded."""
        return []

    def _expires_before(self) -> int:
        """Return the start (ms) from which on rows are kept."""
        return self.meta.expired

    def _publish(self) -> int:
        """Publish the changes since the last publication; `behind` if some are left.

        Return the position up to which changes are published now.
        """
        return self.position

    def _settle(self) -> None:  # noqa: B027  # a table without rows keeps none in memory
        """Drop from memory what the store now holds and folding no longer needs."""

    def rows_of(self, key: bytes) -> list[Any]:
        """Return all rows of a key, for display."""
        del key
        return []

    def all_keys(self) -> set[bytes]:
        """Return the keys that have rows."""
        return set(self.each_key())

    def each_key(self) -> Iterator[bytes]:
        """Yield the keys that have rows, some more than once.

        Folding may go on between two keys; keys added meanwhile may be among them or not.
        """
        # Memory first: a row that is written to the store meanwhile has been in memory before.
        yield from list(self._keys_of_memory())
        yield from in_pieces(self.store.prefixes)

    def _keys_of_memory(self) -> Iterable[bytes]:
        """Return the keys with state in memory that the store may not have yet."""
        return ()


class RecordError(Exception):
    """Failure to fold the record at `index` of a batch; the records before it are folded."""

    def __init__(self, index: int, cause: Exception) -> None:
        super().__init__(str(cause))
        self.index = index
        self.cause = cause
