"""Where the tasks of a replay write: nothing of it goes to Kafka.

Rows stay in stores of the replay's own, in a directory that is deleted after it; changelogs are not
written at all. Outputs go to whoever compares them, and to the tables that are folded from them.
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

    from eventfold.engine.partition import Out, PartitionState, Snapshot
    from eventfold.engine.progress import Progress
    from eventfold.engine.table import StateTable

#: Most records of one batch of an internal topic.
BATCH = 5_000


class ShadowRecord(NamedTuple):
    """A record of an internal topic, as tasks read it; `timestamp` in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class ShadowLog:
    """One partition of a topic that one table writes and another is folded from."""

    def __init__(self) -> None:
        self._records: list[ShadowRecord] = []
        self._next = 0
        self._changed = asyncio.Event()
        self._finished = False

    def append(self, records: Iterable[Out]) -> None:
        """Write records."""
        now = time_ns() // 1_000_000
        for key, value, _ in records:
            self._records.append(ShadowRecord(self._next, now, key, value))
            self._next += 1
        self._changed.set()

    def finish(self) -> None:
        """Say that there are no more."""
        self._finished = True
        self._changed.set()

    async def batches(self) -> AsyncIterator[list[ShadowRecord]]:
        """Give what is written, and forget it; ends when there are no more."""
        while True:
            while self._records:
                records, self._records = self._records[:BATCH], self._records[BATCH:]
                yield records
            if self._finished:
                return
            self._changed.clear()
            await self._changed.wait()


class ShadowJournal:
    """Transactions that are kept in this process."""

    def __init__(
        self, internal: Iterable[TopicPartition], sink: Callable[[str, int, Sequence[Out]], None]
    ) -> None:
        #: The partitions of topics that tables write and others are folded from.
        self.logs = {tp: ShadowLog() for tp in internal}
        self._sink = sink
        self._rows: defaultdict[PartitionState, int] = defaultdict(int)

    def writer(self, name: str) -> ShadowWriter:
        """Give the writer of the task with this name."""
        del name
        return ShadowWriter(self)

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Open an empty store: what was before the records that are replayed is not known."""
        del table, partition, progress
        return Store(path)

    def commit(self, snapshots: Sequence[tuple[PartitionState, Snapshot]]) -> list[int]:
        """Take what a checkpoint writes; give, for each table, how many rows it has written."""
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
    """The transactions of one task."""

    usable = True

    def __init__(self, journal: ShadowJournal) -> None:
        self._journal = journal

    async def start(self) -> None:
        """Nothing to do: nobody else writes here."""

    async def write(
        self,
        snapshots: Sequence[tuple[PartitionState, Snapshot]],
        source: TopicPartition,
        position: int,
        metadata: str,
    ) -> list[int]:
        """Write one transaction; give, for each table, how many rows it has written."""
        del source, position, metadata
        return self._journal.commit(snapshots)

    async def stop(self) -> None:
        """Nothing to do."""
