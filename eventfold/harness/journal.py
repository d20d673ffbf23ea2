"""Journal in memory: a worker's transactions and changelogs without a broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from eventfold.engine.replica import Log, Replica, now_ms
from eventfold.harness.kafka import Transaction
from eventfold.topics import TOMBSTONES_KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eventfold.engine.partition import PartitionState, Snapshot
    from eventfold.engine.progress import Progress
    from eventfold.engine.store import Store
    from eventfold.engine.table import StateTable
    from eventfold.harness.kafka import MemoryKafka, Writes

#: Moment of a checkpoint at which a worker may die or a transaction may fail.
Moment = Literal["before commit", "after commit"]


class LostError(KafkaError):
    """Error of an injected fault: the broker did not answer."""


#: Errors that a task has to recover from.
EXPECTED = (LostError, ProducerFenced)


class MemoryJournal:
    """Journal of one worker: its transactions and stores."""

    def __init__(self, kafka: MemoryKafka, commit_time: float) -> None:
        self.kafka = kafka
        #: Duration of a transaction (s); it is committed after half of it.
        self.commit_time = commit_time
        #: Moment at which transactions stop for ever.
        self.hold: Moment | None = None
        #: Task → the moment at which its next transaction fails.
        self.failing: dict[str, Moment] = {}
        #: Number of transactions whose task does not know the outcome yet.
        self.in_flight = 0
        self.stores: list[Store] = []

    def writer(self, name: str) -> MemoryWriter:
        """Return the writer of the task with this name."""
        return MemoryWriter(self, name)

    async def restore(
        self,
        path: Path,
        table: StateTable,
        partition: int,
        progress: Progress,  # noqa: ARG002  # it takes no time here
    ) -> Store:
        """Open the store at `path` and restore it to the end of the table's changelog."""
        changelog = TopicPartition(table.changelog.name, partition)
        log, topic_id = self.kafka.log(*changelog), self.kafka.topic_id(changelog.topic)
        found = Log(0, log.end, topic_id, TOMBSTONES_KEPT, now_ms())
        replica = Replica(path, changelog, found, table.runtime.conf, timed=table.timed)
        records = log.since(replica.position)
        half = len(records) // 2
        if half:
            replica.take(records[:half], records[half].offset)
        replica.take(records[half:], log.end)
        replica.finish()
        self.stores.append(replica.store)
        return replica.store

    def close_stores(self) -> None:
        """Close all stores, for a worker that died."""
        for store in self.stores:
            store.close()
        self.stores.clear()


class MemoryWriter:
    """Transaction writer of one task."""

    def __init__(self, journal: MemoryJournal, name: str) -> None:
        self._journal = journal
        self._name = name
        self._epoch: int | None = None

    @property
    def usable(self) -> bool:
        """Whether it is started and has not noticed that it is fenced."""
        return self._epoch is not None

    async def start(self) -> None:
        """Fence every older writer of the same name and abort its pending transaction."""
        self._epoch = self._journal.kafka.fence(self._name)

    async def write(
        self,
        snapshots: Sequence[tuple[PartitionState, Snapshot]],
        source: TopicPartition,
        position: int,
        metadata: str,
    ) -> list[int]:
        """Write one transaction; return, for each table, the changelog offset that it reached.

        Raises ProducerFenced, and LostError if a test has injected it.
        """
        journal, kafka = self._journal, self._journal.kafka
        self._check()
        kafka.begin(self._name, Transaction(_writes(snapshots), source, position, metadata))
        journal.in_flight += 1
        try:
            await self._pass("before commit")
            self._check()
            reached = kafka.commit(self._name)
            await self._pass("after commit")
        finally:
            journal.in_flight -= 1
        return [reached[_changelog(state)] for state, _ in snapshots]

    def _check(self) -> None:
        if self._epoch is None or not self._journal.kafka.is_current(self._name, self._epoch):
            self._epoch = None
            raise ProducerFenced

    async def _pass(self, moment: Moment) -> None:
        if self._journal.hold == moment:
            await asyncio.get_running_loop().create_future()
        elif self._journal.commit_time:
            await asyncio.sleep(self._journal.commit_time / 2)
        if self._journal.failing.get(self._name) == moment:
            del self._journal.failing[self._name]
            raise LostError(f"{self._name}: no answer {moment}")

    async def stop(self) -> None:
        """Stop: it can't write any more."""
        self._epoch = None


def _writes(
    snapshots: Sequence[tuple[PartitionState, Snapshot]],
) -> dict[TopicPartition, Writes]:
    writes: dict[TopicPartition, Writes] = {}
    for state, snapshot in snapshots:
        writes[_changelog(state)] = [(key, value, ()) for key, value in snapshot.rows]
        for (topic, partition), records in snapshot.outputs.items():
            written = writes.setdefault(TopicPartition(topic, partition), [])
            written += [(key, value, tuple(headers)) for key, value, headers in records]
    return writes


def _changelog(state: PartitionState) -> TopicPartition:
    return TopicPartition(state.table.changelog.name, state.partition)
