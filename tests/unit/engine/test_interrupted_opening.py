"""A task is interrupted while it opens: by a revocation, or by a failing Kafka client.

aiokafka swallows a cancellation while one of its clients closes, and may raise CancelledError
though no task was cancelled; the journals here do the same.
"""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import OffsetAndMetadata
from partition_driver import NewTable

from app.settings import Settings
from eventfold.engine import task as opening
from eventfold.engine.errors import OtherHistoryError, TaskError
from eventfold.engine.progress import Progress
from eventfold.engine.store import Store
from eventfold.engine.table import StateTable
from eventfold.engine.task import Task
from eventfold.engine.tasks import Tasks
from eventfold.harness.journal import MemoryJournal, MemoryWriter
from eventfold.harness.kafka import MemoryKafka
from eventfold.testing.loop import VirtualClock


class IgnoresCancel(MemoryJournal):
    """A journal whose restores continue although they were cancelled."""

    def __init__(self) -> None:
        super().__init__(MemoryKafka(VirtualClock(0)), 0)
        self.restoring = asyncio.Event()

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Open the store, then wait until cancelled."""
        store = await super().restore(path, table, partition, progress)
        self.restoring.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return store
        raise AssertionError("the restore was not cancelled")


class CancelsItself(MemoryJournal):
    """A journal whose first restore awaits a future that it has cancelled itself."""

    def __init__(self) -> None:
        super().__init__(MemoryKafka(VirtualClock(0)), 0)
        self.has_failed = False
        self.restored = asyncio.Event()

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Open the store, except at the first call."""
        if not self.has_failed:
            self.has_failed = True
            own = asyncio.get_running_loop().create_future()
            own.cancel()
            await own
        self.restored.set()
        return await super().restore(path, table, partition, progress)


class OfAnotherHistory(MemoryJournal):
    """A journal that does not continue the store."""

    def __init__(self) -> None:
        super().__init__(MemoryKafka(VirtualClock(0)), 0)

    async def restore(self, *_: object) -> Store:
        """Raise what a replica raises."""
        raise OtherHistoryError("it is of another history")


class UnstoppableWriter(MemoryWriter):
    """A writer whose broker does not answer when it stops."""

    async def stop(self) -> None:
        """Raise the error that aiokafka raises."""
        raise KafkaConnectionError


class UnstoppableJournal(CancelsItself):
    """A journal of such writers."""

    def writer(self, name: str) -> MemoryWriter:
        """Make a writer."""
        return UnstoppableWriter(self, name)


class Group:
    """Stub of a consumer, with what tasks need when they start."""

    def __init__(self) -> None:
        self.keeps_assignment = False

    async def committed(self, _: TopicPartition) -> None:
        """Return no committed offset."""

    async def bounds(self, _: TopicPartition) -> tuple[int, int]:
        """Return the bounds of an empty topic."""
        return 0, 0

    async def topic_id(self, _: str) -> str:
        """Return no topic id."""
        return ""

    async def fetched(self, tps: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Return the bounds of empty topics."""
        return dict.fromkeys(tps, (0, 0))

    async def seek(self, _: TopicPartition, __: int) -> None:
        """Do nothing."""

    def deliver(self, _: TopicPartition, *, active: bool) -> None:
        """Do nothing."""

    def still_assigned(self, _: TopicPartition, __: int) -> bool:
        """Return whether all partitions stay assigned, or none."""
        return self.keeps_assignment


@pytest.fixture
def tasks(tmp_path: Path, new_table: NewTable) -> Tasks:
    """Return the tasks of a worker with one table."""
    tasks = Tasks(Settings(APP_DATADIR=tmp_path), tmp_path)
    tasks.add_table(new_table("1m", 0))
    tasks.source = Group()
    return tasks


async def test_revoking_does_not_wait_for_a_restore_that_ignores_its_cancellation(
    tasks: Tasks,
) -> None:
    """The task never runs, and another may open the store at once."""
    tasks.journal = journal = IgnoresCancel()
    (table,) = tasks.tables
    tp = TopicPartition(table.source.name, 0)
    tasks.assign([tp], 1)
    tasks.on_flow_open()
    await journal.restoring.wait()
    await asyncio.wait_for(tasks.revoke([tp]), 30)
    assert tasks.running(tp) is None
    assert table.partitions == []
    Store(tasks.store_path(table, 0)).close()


async def test_a_task_is_opened_again_if_its_client_cancels_its_own_future(
    tasks: Tasks,
) -> None:
    """As after any error of a broker: nothing else would open it."""
    tasks.journal = journal = CancelsItself()
    tasks.source.keeps_assignment = True
    tp = TopicPartition(tasks.tables[0].source.name, 0)
    tasks.assign([tp], 1)
    tasks.on_flow_open()
    await asyncio.wait_for(journal.restored.wait(), 30)
    await tasks.revoke([tp])


async def test_a_producer_that_does_not_stop_does_not_keep_the_store_open(
    tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    """Its transaction times out at the broker; the next owner may open the store at once."""
    tasks.journal = journal = UnstoppableJournal()
    tasks.source.keeps_assignment = True
    (table,) = tasks.tables
    tp = TopicPartition(table.source.name, 0)
    tasks.assign([tp], 1)
    tasks.on_flow_open()
    await asyncio.wait_for(journal.restored.wait(), 30)
    await asyncio.wait_for(tasks.revoke([tp]), 30)
    assert "the producer did not stop" in caplog.text
    assert tasks.running(tp) is None
    assert table.partitions == []
    Store(tasks.store_path(table, 0)).close()


@pytest.mark.parametrize(("committed", "kept"), [(None, False), (OffsetAndMetadata(5, ""), True)])
async def test_a_store_of_another_history_is_deleted_only_if_nothing_is_committed(
    tasks: Tasks,
    monkeypatch: pytest.MonkeyPatch,
    committed: OffsetAndMetadata | None,
    *,
    kept: bool,
) -> None:
    """Where something is, it may be the last copy of the rows: the worker stops."""
    monkeypatch.setattr(opening, "LOOK_INTERVAL", 0)
    tasks.journal = OfAnotherHistory()
    (table,) = tasks.tables
    path = tasks.store_path(table, 0)
    Store(path).close()
    with pytest.raises(TaskError, match="another history"):
        await Task(tasks, table.source.name, 0, generation=1)._restore(table, committed)
    assert path.exists() is kept
