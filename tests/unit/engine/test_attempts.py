"""Attempts of a failing batch: how many, which failures are of one batch, the end of a task."""

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
from eventfold.engine.errors import BatchError, OtherHistoryError, TaskError, UnwritableError, told
from eventfold.engine.progress import Progress
from eventfold.engine.rows import UnreadableRowError
from eventfold.engine.store import DamagedStoreError, StoreError
from eventfold.engine.task import State, Task
from eventfold.engine.tasks import ATTEMPTS, Tasks
from eventfold.testing.clock import VirtualClock
from eventfold.testing.journal import MemoryJournal
from eventfold.testing.kafka import MemoryKafka

TP = TopicPartition(TICKS.name, 0)

#: A store that there is not.
NOWHERE = Path("/nowhere/store")


class Source:
    """A consumer, as far as tasks ask that are opened again."""

    def __init__(self, *, ours: bool = True) -> None:
        self.stopped: list[TopicPartition] = []
        self._ours = ours

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Note what is not delivered any more."""
        assert not active
        self.stopped.append(tp)

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Return whether the partition is still this worker's."""
        assert (tp, generation) == (TP, 1)
        return self._ours


class Worker(Tasks):
    """The tasks of a worker that waits for nothing."""

    def __init__(self, directory: Path) -> None:
        super().__init__(Settings(APP_DATADIR=directory), directory)
        self.clock = VirtualClock(0)
        self.journal = MemoryJournal(MemoryKafka(self.clock), 0)
        self.topics[TICKS.name] = TICKS
        self.reason: BaseException | None = None
        self.opened = 0

    async def sleep(self, n: Any) -> None:
        """Pass by more than two heartbeats."""
        assert n == 2 * self.conf.heartbeat_interval + 1

    async def crash(self, reason: BaseException) -> None:
        """Note why it stops."""
        self.reason = reason

    def _spawn(self, tp: TopicPartition, generation: int) -> None:
        assert (tp, generation) == (TP, 1)
        self.opened += 1

    async def fail(self, begin: int, end: int, committed: int) -> None:
        """Fail a batch, with so much of the source committed."""
        await self.mend(BatchError(f"{begin} to {end}", begin, end), committed)

    async def mend(self, error: Exception, committed: int = -1) -> None:
        """Do what can be done after an error of a task."""
        task = self._by_partition[TP] = Task(self, TICKS.name, 0, generation=1)
        task.committed = committed
        await self._mend(task, error)
        assert task.state is State.CLOSED


@pytest.mark.parametrize(
    ("failures", "ends"),
    [
        ([(10, 20, 5), (10, 20, 5)], False),
        ([(10, 20, 5), (10, 20, 5), (10, 20, 5)], True),
        # Cut otherwise, they are attempts at the same as long as they begin before its end.
        ([(10, 20, 5), (19, 30, 5), (29, 40, 5)], True),
        ([(10, 20, 5), (20, 30, 5), (20, 30, 5)], False),
        ([(10, 20, 5), (19, 30, 5), (30, 40, 5), (30, 40, 5)], False),
        # What had failed is committed: the batch behind it is the next attempt.
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
    """After more than a heartbeat it is known whose the partition is."""
    worker = Worker(tmp_path)
    worker.source = Source(ours=False)  # type: ignore[assignment]
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
            f"ticks-0: the broker forbids it: {told(GroupAuthorizationFailedError('group'))}",
        ),
        (DamagedStoreError(NOWHERE, "s is damaged"), None),
        (KafkaConnectionError("nobody is there"), None),
        (ZeroDivisionError("once"), None),
        (UnwritableError("t", "too large", 0, 5), None),
    ],
    ids=repr,
)
async def test_what_no_restart_mends_stops_the_worker_and_all_else_does_not(
    tmp_path: Path, error: Exception, words: str | None
) -> None:
    """The task is opened again in place of that; what comes after the stop is no reason."""
    worker = Worker(tmp_path)
    worker.source = source = Source()  # type: ignore[assignment]
    await worker.mend(error)
    assert (str(worker.reason) if worker.reason else None) == words
    assert worker.opened == len(source.stopped) == (words is None)
    if words:
        await worker.mend(TaskError("and then"))
        assert str(worker.reason) == words


async def test_a_damaged_store_is_wiped_and_restored_once(tmp_path: Path) -> None:
    """Damaged again, its disk is asked about; another one has its own chance."""
    worker = Worker(tmp_path)
    worker.source = Source()  # type: ignore[assignment]
    for name in "ab":
        (tmp_path / name).mkdir()
        await worker.mend(DamagedStoreError(tmp_path / name, f"{name} is damaged"))
        assert not (tmp_path / name).exists()
    assert (worker.opened, worker.reason) == (2, None)
    await worker.mend(DamagedStoreError(tmp_path / "a", "a is damaged"))
    assert str(worker.reason) == "a is damaged, again after it was restored: is its disk sound?"


async def test_a_record_that_can_not_be_written_is_looked_for_once(tmp_path: Path) -> None:
    """Then what it does is done to a batch that fails: a few attempts."""
    worker = Worker(tmp_path)
    worker.source = Source()  # type: ignore[assignment]
    for _ in range(ATTEMPTS):
        await worker.mend(UnwritableError("t", "too large", 0, 5))
        assert worker.reason is None
    await worker.mend(UnwritableError("t", "too large", 0, 5))
    assert str(worker.reason) == f"too large; that was attempt {ATTEMPTS} of {ATTEMPTS}"


def test_only_what_is_open_or_owned_is_told(
    tmp_path: Path, application: TickApp, new_table: NewTable
) -> None:
    """Sources and changelogs are the engine's to read; each table has its own restores."""
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
    one, other = (Task(worker, TICKS.name, n, generation=1) for n in (0, 1))
    worker._by_partition = {one.tp: one, other.tp: other}
    assert worker.restoring(table) == []
    one.restoring, other.restoring = Progress(table.name, 0), Progress("another", 1)
    assert worker.restoring(table) == [one.restoring]
    for name in f"{table.name}-0", f"{table.name}-12", "another-0":
        (tmp_path / name).mkdir()
    worker.wipe(table)
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["another-0"]


async def test_the_flow_of_another_generation_is_not_waited_for(tmp_path: Path) -> None:
    """That of this one is, until it is open."""
    worker = Worker(tmp_path)
    worker._generation = 2
    await worker.flow_open(1)
    waiting = asyncio.ensure_future(worker.flow_open(2))
    await asyncio.sleep(0)
    assert not waiting.done()
    worker.on_flow_open()
    await waiting


def test_a_worker_that_stops_takes_no_assignment(tmp_path: Path) -> None:
    """One may come while it leaves."""
    worker = Worker(tmp_path)
    worker.source = Source()  # type: ignore[assignment]
    assert not worker.ready()
    worker._stopping = True
    worker.assign([TP], 5)
    assert (worker.ready(), worker._generation, worker.opened) == (False, -1, 0)
