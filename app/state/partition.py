"""One partition of a table: its rows, its position, its stream time.

Folding is synchronous, so that a snapshot always stands between two batches. What a snapshot
holds, the task writes in one transaction; only then does the store get it.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka.partitioner import DefaultPartitioner

from app.records import DeadLetter
from app.state import metrics
from app.state.errors import TaskError, told
from app.state.rows import (
    META,
    Meta,
    UnreadableRowError,
    decode_meta,
    encode_meta,
    split_row_key,
)
from app.state.store import StoreError
from app.topics import DEAD_LETTERS, Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.state.batch import Batch
    from app.state.decoded import Decoded
    from app.state.store import Store
    from app.state.table import StateTable

logger = logging.getLogger(__name__)

#: A record to write: key, value (None: a tombstone), headers.
Out = tuple[bytes, bytes | None, list[tuple[str, bytes]]]

#: Most rows that one checkpoint deletes, but for those of one start.
EXPIRE_SLICE = 5_000

#: Rows of a partition in memory above which folding waits for results that are behind: where
#: each window holds a tick or two, they take longer than the folding.
CROWD = 20_000

#: Seconds that a publication may come too early: the checkpoint that it goes with is at a sum of
#: floats.
EARLY = 0.001

#: Key and value of a row (None deletes it).
Row = tuple[bytes, bytes | None]

#: No headers; aiokafka only reads the list.
NO_HEADERS: list[tuple[str, bytes]] = []

#: Gives a record's JSON.
encode_record = msgspec.json.Encoder().encode
_partitioner = DefaultPartitioner()


@lru_cache(maxsize=100_000)
def _place(key: bytes, count: int) -> int:
    """Give a key's partition of `count`. Remembered: aiokafka hashes in Python, 7 µs a key."""
    return int(_partitioner(key, list(range(count)), []))


@dataclass
class Snapshot:
    """What one table contributes to a checkpoint."""

    #: Rows by key; None deletes.
    rows: list[Row]
    position: int
    #: Records for topics, by (topic, partition), in the order they were made.
    outputs: dict[tuple[str, int], list[Out]] = field(default_factory=dict)


class PartitionState(ABC):
    """The state of one partition of a table, folded from one partition of its source."""

    def __init__(self, table: StateTable, partition: int, store: Store, *, leads: bool) -> None:
        self.table = table
        self.partition = partition
        self.store = store
        self.meta = Meta()
        #: Of several tables on one source, the first reports what none of them can read.
        self.leads = leads
        self.position = 0
        #: More work is due than one checkpoint may take on: the next follows at once.
        self.behind = False
        #: What is being published; put into words only where something raises.
        self.saying: object = None
        self.clock = table.app.tasks.clock
        self._outputs: dict[tuple[str, int], list[Out]] = defaultdict(list)
        self._shared_places: list[tuple[Callable[[Any], Any], tuple[str, int]]] | None = None
        self._committed_position = 0
        self._published_at = self.clock.monotonic()

    # -- opening

    @property
    def restored_position(self) -> int | None:
        """Offset of the next record to fold, as the meta row says; None without one."""
        return self.meta.positions.get(self.table.source.name)

    def load(self) -> None:
        """Take the meta row and what folding needs from the restored store."""
        value = self.store.get(META)
        layout = self.table.layout
        self.meta = decode_meta(value) if value is not None else Meta(layout=layout)
        if self.meta.layout != layout:
            raise UnreadableRowError(
                f"table {self.table.name}: its rows are {self.meta.layout}, this code and its "
                f"settings ask for {layout}; set them back, or rebuild the table from its source "
                "under another TICKSTREAM_APP_ID"
            )
        self._load()

    def start(self, position: int) -> None:
        """Begin to fold at this offset of the source."""
        self.position = self._committed_position = position

    # -- folding

    def fold(self, batch: Batch) -> None:
        """Fold the records of a batch that are not yet in. Never raises for a record."""
        self.saying = None
        decoded = batch.decoded
        begin, count = 0, len(decoded)
        if count and decoded.first_offset < self.position:
            begin = bisect_left(decoded.offsets, self.position)
        if self.leads:
            for letter in decoded.bad:
                if letter.offset >= self.position:
                    self._dead(letter)
        if begin < count:
            self._fold_all(batch, decoded, begin)
            self._count(count - begin)
        self.position = max(self.position, decoded.next_offset)

    def _fold_all(self, batch: Batch, decoded: Decoded, begin: int) -> None:
        """Fold `decoded[begin:]`; a record whose folding raises becomes a dead letter."""
        while begin < len(decoded):
            try:
                refused = self._fold(decoded, begin)
            except RecordError as error:
                self._refuse_record(batch, error)
                begin = error.index + 1
            else:
                for each in refused or ():
                    self._refuse_record(batch, each)
                return

    def _refuse_record(self, batch: Batch, error: RecordError) -> None:
        offset = batch.decoded.offsets[error.index]
        raw = next(record for record in batch.raw if record.offset == offset)
        self._dead(batch.task.decoder.dead_letter(raw, error.cause, self.table.name))

    def _count(self, records: int) -> None:
        labels = self.table.name, str(self.partition)
        metrics.records.labels(*labels).inc(records)
        metrics.batches.labels(*labels).inc()

    # -- checkpoints

    @property
    def dirty(self) -> bool:
        """Whether a checkpoint has something to write."""
        return self.position != self._committed_position or bool(self._outputs)

    @property
    def crowded(self) -> bool:
        """Whether to fold no more until what is due has been written."""
        return self.behind and self.held > CROWD

    @property
    def held(self) -> int:
        """How many rows are in memory because results of them are still to come."""
        return 0

    @property
    @abstractmethod
    def unpublished(self) -> bool:
        """Whether a publication has something to say."""

    def publication_due(self, now: float) -> bool:
        """Say whether to publish at `now` (s, of the monotonic clock)."""
        if self.behind:
            return True
        due = self._published_at + self.table.publish_interval / 1000
        return now >= due - EARLY and self.unpublished

    def _publication_time(self) -> float:
        """Give when this publication was due: one that came a bit late puts off no other."""
        now, interval = self.clock.monotonic(), self.table.publish_interval / 1000
        due = self._published_at + interval
        return due if due - EARLY <= now < due + interval else now

    def snapshot(self, *, publish: bool) -> Snapshot:
        """Take what has changed; folding may go on, into the next snapshot.

        Raises TaskError where a function of a user's does: it would again and again.
        """
        self.saying = None
        try:
            return self._snapshot(publish=publish)
        except (StoreError, UnreadableRowError):
            raise
        except Exception as error:
            what = f"publishing {self.saying}" if self.saying else "a checkpoint"
            logger.exception("Table %s can't go on", self.table.name)
            raise TaskError(
                f"table {self.table.name}: {what} of partition {self.partition} raised "
                f"{told(error)}"
            ) from error

    def _snapshot(self, *, publish: bool) -> Snapshot:
        if publish:
            self._publish()
            self._published_at = self._publication_time()
        rows = self._take_rows()
        if publish:
            # Rows are deleted in the transaction that has published the last of them, or later.
            rows = self._without_expired(rows)
        self.meta.positions[self.table.source.name] = self.position
        if publish:
            self.meta.published = self.position
        rows.append((META, encode_meta(self.meta)))
        outputs, self._outputs = self._outputs, defaultdict(list)
        return Snapshot(rows, self.position, dict(outputs))

    def _without_expired(self, rows: list[Row]) -> list[Row]:
        before, expired = self.meta.expired, self._expire()
        if self.meta.expired > before:
            # What this very snapshot has of them never gets to the store.
            rows = [row for row in rows if split_row_key(row[0])[1] >= self.meta.expired]
            rows += ((row, None) for row in expired)
        return rows

    def _expire(self) -> list[bytes]:
        """Give some rows whose retention has ended, oldest first."""
        begin, end = self.meta.expired, self._expires_before()
        if end <= begin:
            return []
        # Not from the very first: that would walk over all the tombstones that the store has
        # not compacted away yet.
        rows = list(islice(self.store.keys_between(begin, end), EXPIRE_SLICE))
        if len(rows) == EXPIRE_SLICE:
            # All rows of a start go together: what is left of it would be taken for the whole.
            end = split_row_key(rows[-1])[1]
            earlier = [row for row in rows if split_row_key(row)[1] < end]
            if not earlier:
                end += 1
            rows = earlier or list(self.store.keys_between(end - 1, end))
        self.meta.expired = end
        return rows

    @property
    def committed_position(self) -> int:
        """Offset of the next record to fold, as the last checkpoint has it."""
        return self._committed_position

    @property
    def uncommitted(self) -> int:
        """How many offsets are folded and in no checkpoint yet."""
        return self.position - self._committed_position

    def committed(self, snapshot: Snapshot, changelog_offset: int) -> None:
        """Put a snapshot that is in Kafka for good into the store."""
        self.store.write(snapshot.rows, changelog_offset, self.table.timed)
        self._committed_position = snapshot.position
        self._settle()

    # -- outputs

    def _tell(self, result: Any, name: str | None = None) -> bool:
        """Send a result to each topic of the table; say whether any has a record of it.

        Under `name`, its own key if None.
        """
        self.saying = result
        told = False
        key = (result.key if name is None else name).encode()
        # Most of what a catch-up costs is made here, result by result; most results of candles
        # are told in C (native/tickstream_native/windows.pyx).
        for topic, make in self.table.publications:
            record = make(result)
            if record is not None:
                out = self._outputs[topic.name, self._partition_in(topic, key)]
                out.append((key, encode_record(record), NO_HEADERS))
                told = True
        return told

    def _places(self, key: bytes) -> list[tuple[Callable[[Any], Any], tuple[str, int]]]:
        """Give what makes the records of results of a key, and topic and partition for them."""
        if self._shared_places is not None:
            return self._shared_places
        places = [
            (make, (topic.name, self._partition_in(topic, key)))
            for topic, make in self.table.publications
        ]
        source = self.table.source
        if all(
            topic.partitions is source.partitions is None for topic, _ in self.table.publications
        ):
            # All are in the partition that the source's record was in.
            self._shared_places = places
        return places

    def append(self, topic: Topic, key: str, record: Any, source_offset: int) -> None:
        """Write a record of a log with the next checkpoint, with the header `source`.

        Co-partitioned topics get it in this partition, others in the one Kafka's default
        partitioner (murmur2) gives the key.
        """
        raw = key.encode()
        source = f"{self.table.source.name}-{self.partition}-{source_offset}".encode()
        out = (raw, encode_record(record), [("source", source)])
        self._outputs[topic.name, self._partition_in(topic, raw)].append(out)

    def _partition_in(self, topic: Topic, key: bytes) -> int:
        if topic.partitions is None and self.table.source.partitions is None:
            return self.partition
        return self._partition_of(topic, key)

    @staticmethod
    def _partition_of(topic: Topic, key: bytes) -> int:
        count = topic.partition_count()
        return _place(key, count) if count > 1 else 0

    def _dead(self, letter: DeadLetter) -> None:
        metrics.dead_letters.labels(self.table.source.name, letter.stage).inc()
        self.append(DEAD_LETTERS, letter.topic, letter, letter.offset)

    # -- what a kind of table brings

    @abstractmethod
    def _load(self) -> None:
        """Read from the store what folding needs at hand."""

    @abstractmethod
    def _fold(self, decoded: Decoded, begin: int) -> Sequence[RecordError] | None:
        """Fold `decoded[begin:]`; give the records that could not be, if all others have been.

        Raises RecordError for the first that can't be, if only those before it have been.
        """

    @abstractmethod
    def _take_rows(self) -> list[Row]:
        """Give the rows changed or deleted since the last call, encoded."""

    @abstractmethod
    def _expires_before(self) -> int:
        """Give the start (ms) from which on rows are kept."""

    @abstractmethod
    def _publish(self) -> None:
        """Send what has changed since the last publication; sets `behind` if not all."""

    @abstractmethod
    def _settle(self) -> None:
        """Forget what the store now holds and folding no longer needs."""

    @abstractmethod
    def rows_of(self, key: bytes) -> list[Any]:
        """Give all rows of a key, for people to look at."""

    def all_keys(self) -> set[bytes]:
        """Give the keys that have rows."""
        return set(self.store.prefixes())


class RecordError(Exception):
    """A record could not be folded; those before it have been."""

    def __init__(self, index: int, cause: Exception) -> None:
        super().__init__(str(cause))
        self.index = index
        self.cause = cause
