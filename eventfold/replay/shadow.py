"""Shadow journal: the output side of a replay's tasks, which writes nothing to Kafka.

Rows stay in stores of the replay's own, in a directory that is deleted after it. Changelogs are
not written. Outputs go to the comparison, and to the tables that are folded from them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition

from eventfold.engine.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from pathlib import Path

    from eventfold.engine.outputs import Out
    from eventfold.engine.partition import PartitionState, Snapshot
    from eventfold.engine.progress import Progress
    from eventfold.engine.table import StateTable

#: Most records of one batch of an internal topic.
BATCH = 5_000


class ShadowRecord(NamedTuple):
    """Record of an internal topic, as tasks read it; `timestamp` in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class ShadowLog:
    """One partition of an internal topic, which one table writes and another is folded from."""

    def __init__(self) -> None:
        self._records: list[ShadowRecord] = []
        self._next = 0
        self._changed = asyncio.Event()
        self._finished = False

    def append(self, records: Iterable[Out]) -> None:
        """Append records, stamped with the wall clock."""
        now = time_ns() // 1_000_000
        for key, value, _ in records:
            self._records.append(ShadowRecord(self._next, now, key, value))
            self._next += 1
        self._changed.set()

    def finish(self) -> None:
        """End the log: no more records follow."""
        self._finished = True
        self._changed.set()

    async def batches(self) -> AsyncIterator[list[ShadowRecord]]:
        """Yield batches of records and drop them; return once the log has ended."""
        while True:
            while self._records:
                records, self._records = self._records[:BATCH], self._records[BATCH:]
                yield records
            if self._finished:
                return
            self._changed.clear()
            await self._changed.wait()


class ShadowJournal:
    """Journal whose transactions stay in this process."""

    def __init__(
        self, internal: Iterable[TopicPartition], sink: Callable[[str, int, Sequence[Out]], None]
    ) -> None:
        #: The partitions of internal topics, which tables write and others are folded from.
        self.logs = {tp: ShadowLog() for tp in internal}
        self._sink = sink
        self._rows: defaultdict[PartitionState, int] = defaultdict(int)

    def writer(self, name: str) -> ShadowWriter:
        """Return the writer of the task with this name."""
        del name
        return ShadowWriter(self)

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Open an empty store: the state before the replayed records is unknown."""
        del table, partition, progress
        return Store(path)

    def commit(self, snapshots: Sequence[tuple[PartitionState, Snapshot]]) -> list[int]:
        """Apply a checkpoint; return, for each table, the number of rows written so far."""
        reached = []
        for state, snapshot in snapshots:
            self._rows[state] += len(snapshot.rows)
            reached.append(self._rows[state])
            for (topic, partition), records in snapshot.outputs.items():
                self._sink(topic, partition, records)
                log = self.logs.get(TopicPartition(topic, partition))
                if log is not None:
                    log.append(records)
        return reached


class ShadowWriter:
    """Transaction writer of one task."""

    usable = True

    def __init__(self, journal: ShadowJournal) -> None:
        self._journal = journal

    async def start(self) -> None:
        """Do nothing: there is no other writer to fence."""

    async def write(
        self,
        snapshots: Sequence[tuple[PartitionState, Snapshot]],
        source: TopicPartition,
        position: int,
        metadata: str,
    ) -> list[int]:
        """Write one transaction; return, for each table, the number of rows written so far."""
        del source, position, metadata
        return self._journal.commit(snapshots)

    async def stop(self) -> None:
        """Do nothing."""
