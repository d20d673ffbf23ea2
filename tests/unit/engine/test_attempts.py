"""Attempts at a failing batch: how many there are, and how a task ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError
from partition_driver import NewTable

from app.market.topics import TICKS
from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.errors import (
    BatchError,
    OtherHistoryError,
    TaskError,
    UnwritableError,
    describe_error,
)
from eventfold.engine.progress import Progress
from eventfold.engine.rows import UnreadableRowError
from eventfold.engine.store import DamagedStoreError, StoreError
from eventfold.engine.task import State, Task
from eventfold.engine.tasks import ATTEMPTS, Tasks
from eventfold.harness.journal import MemoryJournal
from eventfold.harness.kafka import MemoryKafka
from eventfold.testing.loop import VirtualClock

TP = TopicPartition(TICKS.base_name, 0)

#: Path of a store that does not exist.
NOWHERE = Path("/nowhere/store")


class Source:
    """Stub of a consumer, with what reopened tasks need."""

    def __init__(self, *, owned: bool = True) -> None:
        self.stopped: list[TopicPartition] = []
        self._owned = owned

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Record that the partition is no longer delivered."""
        assert not active
        self.stopped.append(tp)

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Return whether the partition still belongs to this worker."""
        assert (tp, generation) == (TP, 1)
        return self._owned


class Worker(Tasks):
    """The tasks of a worker that does not sleep."""

    def __init__(self, directory: Path) -> None:
        super().__init__(Settings(APP_DATADIR=directory), directory)
        self.clock = VirtualClock(0)
        self.journal = MemoryJournal(MemoryKafka(self.clock), 0)
        self.topics[TICKS.base_name] = TICKS.of(self.conf)
        self.reason: BaseException | None = None
        self.opened = 0

    async def sleep(self, n: Any) -> None:
        """Check that the pause is longer than two heartbeats."""
        assert n == 2 * self.conf.heartbeat_interval + 1

    async def crash(self, reason: BaseException) -> None:
        """Record why the worker stops."""
        self.reason = reason

    def _spawn(self, tp: TopicPartition, generation: int) -> None:
        assert (tp, generation) == (TP, 1)
        self.opened += 1

    async def fail(self, begin: int, end: int, committed: int) -> None:
        """Fail a batch when the source is committed up to `committed`."""
        await self.handle_error(BatchError(f"{begin} to {end}", begin, end), committed)

    async def handle_error(self, error: Exception, committed: int = -1) -> None:
        """Make the worker handle an error of its task."""
        task = self._by_partition[TP] = Task(self, TICKS.base_name, 0, generation=1)
        task.committed = committed
        await self._mend(task, error)
        assert task.state is State.CLOSED


@pytest.mark.parametrize(
    ("failures", "ends"),
    [
        ([(10, 20, 5), (10, 20, 5)], False),
        ([(10, 20, 5), (10, 20, 5), (10, 20, 5)], True),
        # Batches with other bounds are attempts at the same one if they begin before its end.
        ([(10, 20, 5), (19, 30, 5), (29, 40, 5)], True),
        ([(10, 20, 5), (20, 30, 5), (20, 30, 5)], False),
        ([(10, 20, 5), (19, 30, 5), (30, 40, 5), (30, 40, 5)], False),
        # The failed batch is committed now, but the one after it counts as the next attempt.
        ([(10, 20, 20), (20, 30, 30), (30, 40, 40)], True),
        ([(10, 20, 19), (20, 30, 19), (20, 30, 19)], False),
        ([(10, 20, 20), (21, 30, 5), (21, 30, 5)], False),
    ],
)
async def test_a_batch_that_fails_three_times_in_a_row_stops_the_worker(
    tmp_path: Path, failures: list[tuple[int, int, int]], *, ends: bool
) -> None:
    """Until then its task is opened again, from the last checkpoint."""
    worker = Worker(tmp_path)
    worker.source = source = Source()  # type: ignore[assignment]
    for begin, end, committed in failures:
        await worker.fail(begin, end, committed)
    assert (worker.reason is not None) is ends
    assert worker.opened == len(source.stopped) == len(failures) - ends
    if ends:
        begin, end, _ = failures[-1]
        assert str(worker.reason) == f"{begin} to {end}; that was attempt {ATTEMPTS} of {ATTEMPTS}"


async def test_a_task_of_another_worker_is_not_opened_again(tmp_path: Path) -> None:
    """After two heartbeats the worker knows whether the partition is still its own."""
    worker = Worker(tmp_path)
    worker.source = Source(owned=False)  # type: ignore[assignment]
    await worker.fail(0, 1, -1)
    assert (worker.opened, worker.reason) == (0, None)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TaskError("no restart helps"), "no restart helps"),
        (OtherHistoryError("another history"), "another history"),
        (UnreadableRowError("another layout"), "another layout"),
        (StoreError(NOWHERE, "the disk is full"), "the disk is full"),
        (
            GroupAuthorizationFailedError("group"),
            "ticks-0: the broker forbids it: "
            + describe_error(GroupAuthorizationFailedError("group")),
        ),
        (DamagedStoreError(NOWHERE, "s is damaged"), None),
        (KafkaConnectionError("no broker answers"), None),
        (ZeroDivisionError("once"), None),
        (UnwritableError("t", "too large", 0, 5), None),
    ],
    ids=repr,
)
async def test_only_an_error_that_a_restart_cannot_fix_stops_the_worker(
    tmp_path: Path, error: Exception, words: str | None
) -> None:
    """After any other error the task is opened again; an error after the stop is ignored."""
    worker = Worker(tmp_path)
    worker.source = source = Source()  # type: ignore[assignment]
    await worker.handle_error(error)
    assert (str(worker.reason) if worker.reason else None) == words
    assert worker.opened == len(source.stopped) == (words is None)
    if words:
        await worker.handle_error(TaskError("and then"))
        assert str(worker.reason) == words


async def test_a_damaged_store_is_wiped_and_restored_once(tmp_path: Path) -> None:
    """Damaged again, it stops the worker; another store has its own attempt."""
    worker = Worker(tmp_path)
    worker.source = Source()  # type: ignore[assignment]
    for name in "ab":
        (tmp_path / name).mkdir()
        await worker.handle_error(DamagedStoreError(tmp_path / name, f"{name} is damaged"))
        assert not (tmp_path / name).exists()
    assert (worker.opened, worker.reason) == (2, None)
    await worker.handle_error(DamagedStoreError(tmp_path / "a", "a is damaged"))
    assert str(worker.reason) == "a is damaged, again after it was restored: is its disk sound?"


async def test_an_unwritable_record_is_searched_for_once(tmp_path: Path) -> None:
    """After that, the error counts as a failed batch, with a few attempts."""
    worker = Worker(tmp_path)
    worker.source = Source()  # type: ignore[assignment]
    for _ in range(ATTEMPTS):
        await worker.handle_error(UnwritableError("t", "too large", 0, 5))
        assert worker.reason is None
    await worker.handle_error(UnwritableError("t", "too large", 0, 5))
    assert str(worker.reason) == f"too large; that was attempt {ATTEMPTS} of {ATTEMPTS}"


def test_a_worker_knows_its_topics_and_the_restores_and_stores_of_a_table(
    tmp_path: Path, application: TickApp, new_table: NewTable
) -> None:
    """It owns sources and reads sources and changelogs; a wipe deletes one table's stores only."""
    tasks = application.tasks
    table = new_table("1m", 0)
    changelog = table.changelog.name
    assert [tasks.owns(name) for name in (table.source.name, changelog, "none")] == [
        True,
        False,
        False,
    ]
    assert [tasks.reads(name) for name in (table.source.name, changelog, "none")] == [
        True,
        True,
        False,
    ]
    worker = Worker(tmp_path)
    one, other = (Task(worker, TICKS.base_name, n, generation=1) for n in (0, 1))
    worker._by_partition = {one.tp: one, other.tp: other}
    assert worker.restoring(table) == []
    one.restoring, other.restoring = Progress(table.name, 0), Progress("another", 1)
    assert worker.restoring(table) == [one.restoring]
    for name in f"{table.name}-0", f"{table.name}-12", "another-0":
        (tmp_path / name).mkdir()
    worker.wipe(table)
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["another-0"]


async def test_the_flow_of_an_old_generation_is_not_waited_for(tmp_path: Path) -> None:
    """The flow of the current generation is waited for until it opens."""
    worker = Worker(tmp_path)
    worker._generation = 2
    await worker.flow_open(1)
    waiting = asyncio.ensure_future(worker.flow_open(2))
    await asyncio.sleep(0)
    assert not waiting.done()
    worker.on_flow_open()
    await waiting


def test_a_worker_that_stops_takes_no_assignment(tmp_path: Path) -> None:
    """An assignment may arrive while the worker leaves the group."""
    worker = Worker(tmp_path)
    worker.source = Source()  # type: ignore[assignment]
    assert not worker.ready()
    worker._stopping = True
    worker.assign([TP], 5)
    assert (worker.ready(), worker._generation, worker.opened) == (False, -1, 0)
