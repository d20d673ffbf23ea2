"""A task is interrupted while it opens: revoked, or by a client of Kafka that gives up.

aiokafka swallows a cancellation while one of its clients closes, and may raise one that nobody
asked for; the journals here do the same.
"""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from partition_driver import NewTable

from app.settings import Settings
from eventfold.engine.progress import Progress
from eventfold.engine.store import Store
from eventfold.engine.table import StateTable
from eventfold.engine.tasks import Tasks
from eventfold.testing.clock import VirtualClock
from eventfold.testing.journal import MemoryJournal, MemoryWriter
from eventfold.testing.kafka import MemoryKafka


class Stubborn(MemoryJournal):
    """A journal whose restores can be cancelled, but go on all the same."""

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
        raise AssertionError("nobody cancelled")


class GivingUp(MemoryJournal):
    """A journal whose first restore awaits something of its own that it has cancelled."""

    def __init__(self) -> None:
        super().__init__(MemoryKafka(VirtualClock(0)), 0)
        self.gave_up = False
        self.restored = asyncio.Event()

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Open the store, but not at the first time."""
        if not self.gave_up:
            self.gave_up = True
            own = asyncio.get_running_loop().create_future()
            own.cancel()
            await own
        self.restored.set()
        return await super().restore(path, table, partition, progress)


class Unstoppable(MemoryWriter):
    """A producer that its broker does not answer when it is to stop."""

    async def stop(self) -> None:
        """Raise what aiokafka does."""
        raise KafkaConnectionError


class NoFarewell(GivingUp):
    """A journal of such producers."""

    def writer(self, name: str) -> MemoryWriter:
        """Make one."""
        return Unstoppable(self, name)


class Group:
    """Consumer, as far as tasks need it when they start."""

    def __init__(self) -> None:
        self.keeps = False

    async def committed(self, _: TopicPartition) -> None:
        """Nothing is committed."""

    async def bounds(self, _: TopicPartition) -> tuple[int, int]:
        """Nothing is in the topic."""
        return 0, 0

    async def topic_id(self, _: str) -> str:
        """It has none."""
        return ""

    async def fetched(self, tps: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Nothing is in the topic."""
        return dict.fromkeys(tps, (0, 0))

    async def seek(self, _: TopicPartition, __: int) -> None:
        """It fetches nothing."""

    def deliver(self, _: TopicPartition, *, active: bool) -> None:
        """It delivers nothing."""

    def still_assigned(self, _: TopicPartition, __: int) -> bool:
        """All stays assigned, or nothing."""
        return self.keeps


@pytest.fixture
def tasks(tmp_path: Path, new_table: NewTable) -> Tasks:
    """Return the tasks of a worker with one table."""
    tasks = Tasks(Settings(APP_DATADIR=tmp_path), tmp_path)
    tasks.add_table(new_table("1m", 0))
    tasks.source = Group()
    return tasks


async def test_revoking_does_not_wait_for_an_opening_that_goes_on(tasks: Tasks) -> None:
    """It ends, the task never runs, and another may open the store at once."""
    tasks.journal = journal = Stubborn()
    (table,) = tasks.tables
    tp = TopicPartition(table.source.name, 0)
    tasks.assign([tp], 1)
    tasks.on_flow_open()
    await journal.restoring.wait()
    await asyncio.wait_for(tasks.revoke([tp]), 30)
    assert tasks.running(tp) is None
    assert table.partitions == []
    Store(tasks.store_path(table, 0)).close()


async def test_a_task_whose_client_cancels_something_of_its_own_is_opened_again(
    tasks: Tasks,
) -> None:
    """As after any error of a broker: nobody else would open it."""
    tasks.journal = journal = GivingUp()
    tasks.source.keeps = True
    tp = TopicPartition(tasks.tables[0].source.name, 0)
    tasks.assign([tp], 1)
    tasks.on_flow_open()
    await asyncio.wait_for(journal.restored.wait(), 30)
    await tasks.revoke([tp])


async def test_a_producer_that_does_not_stop_keeps_no_store(
    tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    """What it holds at the broker times out there; the partition's next owner may open at once."""
    tasks.journal = journal = NoFarewell()
    tasks.source.keeps = True
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
