"""Position and lag of a task, and offsets that were deleted before it read them."""

import asyncio
import logging
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import OffsetAndMetadata
from partition_driver import Drive, NewTable, PartitionDriver
from prometheus_client import REGISTRY
from raw_records import NOON, raw_tick

from app.market.records import Tick
from app.market.topics import TICKS
from app.worker import TickApp
from eventfold.engine import task as tasks
from eventfold.engine.errors import TaskError
from eventfold.engine.task import LOOKS, State, Task
from eventfold.testing.loop import VirtualClock


class Source:
    """Stub of a broker that knows the bounds of a partition."""

    def __init__(self, *bounds: tuple[int, int] | Exception) -> None:
        self._bounds = list(bounds)
        self.asked = 0

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the next bounds; the last ones are returned again and again."""
        assert tp == TopicPartition(TICKS.base_name, 0)
        self.asked += 1
        found = self._bounds.pop(0) if len(self._bounds) > 1 else self._bounds[0]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def driver(new_table: NewTable, drive: Drive) -> PartitionDriver:
    """Return a partition of a table with a tick at offset 100."""
    return drive(new_table("1m", 0), [raw_tick(100, Tick("A", 1.0, NOON, 1))])


def task_of(
    application: TickApp, monkeypatch: pytest.MonkeyPatch, driver: PartitionDriver, source: Any
) -> Task:
    """Return a task that is opening, over a source."""
    monkeypatch.setattr(application.tasks, "source", source, raising=False)
    monkeypatch.setattr(application.tasks, "clock", VirtualClock(0))
    monkeypatch.setattr(VirtualClock, "sleep", _no_sleep)
    task = Task(application.tasks, TICKS.base_name, 0, generation=1)
    task.states = [driver.state]
    return task


async def _no_sleep(_: VirtualClock, seconds: float) -> None:
    assert seconds == tasks.LOOK_INTERVAL


def lost() -> float:
    """Return how many offsets of the partition were deleted before they were folded."""
    labels = {"topic": TICKS.base_name, "partition": "0"}
    return REGISTRY.get_sample_value("eventfold_lost_to_retention_total", labels) or 0


def test_lag_is_counted_from_the_position_that_every_table_has_folded(
    application: TickApp, monkeypatch: pytest.MonkeyPatch, driver: PartitionDriver
) -> None:
    """Before a task runs, from where it will resume; after the last fetched record it is 0."""
    with driver:
        task = task_of(application, monkeypatch, driver, Source((0, 0)))
        assert (task.position, task.lag) == (0, 0)
        task.saw_end(150)
        task._begin = 40
        assert (task.position, task.lag) == (40, 110)
        task.saw_end(120)
        assert task.lag == 110, "answers may overtake one another"
        task.next_offset = 101
        task.saw_fetched(149)
        assert (task.position, task.lag) == (100, 50)
        driver.fold_rest()
        assert (task.position, task.lag) == (101, 1)
        task.saw_fetched(160)
        assert task.lag == 0
        task.states = []
        assert task.position == 101


@pytest.mark.parametrize(
    "bounds", [(0, 0), (5, 0), (6, 1), (10, 5), (11, 5), (12, 5), (13, 6), (99, 8)]
)
async def test_skipped_offsets_before_the_start_of_the_topic_are_lost(
    application: TickApp,
    monkeypatch: pytest.MonkeyPatch,
    driver: PartitionDriver,
    caplog: pytest.LogCaptureFixture,
    bounds: tuple[int, int],
) -> None:
    """All others were transaction markers."""
    first, gone = bounds
    with driver:
        task = task_of(application, monkeypatch, driver, Source((first, 200)))
        task.skipped = [(5, 10), (12, 15)]
        before = lost()
        await task._explain_skipped()
        assert (lost() - before, task.skipped) == (gone, [])
        ranges = [(begin, min(first, end) - 1) for begin, end in [(5, 10), (12, 15)]]
        assert [each.getMessage().partition(" were")[0] for each in caplog.records] == [
            f"ticks-0: offsets {begin} to {last}" for begin, last in ranges if begin <= last
        ]


async def test_no_offset_counts_as_lost_while_no_broker_answers(
    application: TickApp, monkeypatch: pytest.MonkeyPatch, driver: PartitionDriver
) -> None:
    """The broker is asked again the next time."""
    with driver:
        source = Source(KafkaConnectionError(), TimeoutError(), (8, 200))
        task = task_of(application, monkeypatch, driver, source)
        task.skipped = [(5, 10)]
        before = lost()
        for _ in range(2):
            await task._explain_skipped()
            assert (lost() - before, task.skipped) == (0, [(5, 10)])
        await task._explain_skipped()
        assert (lost() - before, task.skipped) == (3, [])


@pytest.mark.parametrize(("stale_answers", "fails"), [(LOOKS - 1, False), (LOOKS, True)])
async def test_a_leader_with_a_stale_end_offset_is_asked_a_few_times(
    application: TickApp,
    monkeypatch: pytest.MonkeyPatch,
    driver: PartitionDriver,
    stale_answers: int,
    *,
    fails: bool,
) -> None:
    """Then its answer is believed: the tables are past the end of the topic."""
    with driver:
        source = Source(*[(3, 99)] * stale_answers, (3, 100))
        task = task_of(application, monkeypatch, driver, source)
        if not fails:
            assert await task._first_offset(100) == 3
            assert (source.asked, task._begin, task.end) == (LOOKS, 3, 100)
            return
        with pytest.raises(TaskError, match=r"^ticks-0 ends at offset 99, its tables stand at 100"):
            await task._first_offset(100)
        assert source.asked == LOOKS


@pytest.mark.parametrize(
    ("stands", "committed", "first", "position", "gone"),
    [
        (None, None, 7, 7, 0),
        (100, 100, 0, 100, 0),
        (100, 100, 100, 100, 0),
        (100, 100, 101, 101, 1),
        (100, None, 130, 130, 30),
        (100, 90, 0, 100, 0),
        (None, 0, 0, 0, 0),
    ],
)
async def test_a_task_resumes_at_the_position_of_its_tables(  # noqa: PLR0917
    application: TickApp,
    monkeypatch: pytest.MonkeyPatch,
    driver: PartitionDriver,
    caplog: pytest.LogCaptureFixture,
    stands: int | None,
    committed: int | None,
    first: int,
    position: int,
    gone: int,
) -> None:
    """Offsets deleted before it are counted; another committed offset is logged and ignored."""
    with driver, caplog.at_level(logging.WARNING):
        task = task_of(application, monkeypatch, driver, Source((first, 200)))
        if stands is not None:
            driver.state.meta.positions[TICKS.base_name] = stands
        before = lost()
        assert await task._positions(committed) == position
        assert (driver.state.position, driver.state.committed_position) == (position, position)
        assert lost() - before == gone
        differs = committed is not None and stands is not None and committed != stands
        assert (f"offset {committed} is committed, the state stands at" in caplog.text) is differs


async def test_a_table_without_state_but_with_a_committed_offset_is_rejected(
    application: TickApp, monkeypatch: pytest.MonkeyPatch, driver: PartitionDriver
) -> None:
    """Its state is lost: folding from the first offset would make another one."""
    with driver:
        task = task_of(application, monkeypatch, driver, Source((0, 200)))
        with pytest.raises(TaskError, match=r"has no state, but offset 1 of ticks-0 is committed"):
            await task._positions(1)


def test_a_worker_with_other_definitions_is_rejected_when_its_task_opens(
    application: TickApp, monkeypatch: pytest.MonkeyPatch, driver: PartitionDriver
) -> None:
    """It started together with another worker; with nothing committed, all is accepted."""
    with driver:
        task = task_of(application, monkeypatch, driver, Source((0, 0)))
        task._check_definitions(None)
        task._check_definitions(
            OffsetAndMetadata(5, application.tasks.definitions.metadata(TICKS.base_name))
        )
        with pytest.raises(TaskError, match="application tickstream folds ticks into others"):
            task._check_definitions(OffsetAndMetadata(5, "others"))


class Writer:
    """Stub of a task's writer: the positions it wrote, and whether it can write another."""

    def __init__(self, *, usable: bool = True) -> None:
        self.usable = usable
        self.positions: list[int] = []
        self.stopped = False

    async def write(self, snapshots: Any, source: TopicPartition, position: int, _: str) -> Any:
        """Record a checkpoint."""
        assert source == TopicPartition(TICKS.base_name, 0)
        self.positions.append(position)
        return [1] * len(snapshots)

    async def stop(self) -> None:
        """Record that the writer was stopped."""
        self.stopped = True


@pytest.mark.parametrize(
    ("last", "usable", "failed", "in_flight", "written"),
    [
        (True, True, False, False, [101]),
        (True, True, False, True, [100, 101]),
        (False, True, False, False, []),
        (False, True, False, True, [100]),
        (True, False, False, False, []),
        (True, True, True, False, []),
    ],
)
async def test_a_closing_task_writes_a_last_checkpoint(
    application: TickApp,
    monkeypatch: pytest.MonkeyPatch,
    driver: PartitionDriver,
    *,
    last: bool,
    usable: bool,
    failed: bool,
    in_flight: bool,
    written: list[int],
) -> None:
    """After the one in flight; not if the task failed or another worker has the partition."""
    with driver:
        task = task_of(application, monkeypatch, driver, Source((0, 200)))
        task.state, writer = State.RUNNING, Writer(usable=usable)
        task._writer = writer
        if in_flight:
            task._checkpoint = asyncio.ensure_future(task._write(0.0))
            await asyncio.sleep(0)
        driver.fold_rest()
        if failed:
            task.fail(ZeroDivisionError())
        await task.close(last_checkpoint=last)
        assert (writer.positions, writer.stopped) == (written, True)
        assert task.committed == (written or [100])[-1]
        assert (task.state, task.states) == (State.CLOSED, [])
