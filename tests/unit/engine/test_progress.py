"""Progress of a restore: in offsets, rows and seconds, for the log and the metrics."""

from collections.abc import Iterator

import pytest
from partition_driver import NewTable
from prometheus_client import REGISTRY

from app.market.topics import TICKS
from app.worker import TickApp
from eventfold.engine import progress as progresses
from eventfold.engine.gauges import TaskGauges
from eventfold.engine.progress import Progress
from eventfold.engine.task import Task


class Clock:
    """The clock that measures a restore (s)."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Return a clock that the test sets."""
    clock = Clock()
    monkeypatch.setattr(progresses, "perf_counter", clock)
    return clock


def sample(name: str) -> float | None:
    """Return a metric of the table's partition 3."""
    return REGISTRY.get_sample_value(name, {"table": "restored", "partition": "3"})


def test_a_restore_reports_its_progress_and_the_time_left(clock: Clock) -> None:
    """By offsets, of which compaction leaves few; rows are counted as they are read."""
    progress = Progress("restored", 3)
    clock.now += 100
    progress.start(200, 1_000)
    assert (progress.begin, progress.position, progress.end) == (200, 200, 1_000)
    assert (progress.percent, progress.seconds_left) == (0, None)
    assert str(progress) == "restored-3: 0 rows, 0 %, 0 rows/s"
    before = sample("eventfold_restored_rows_total") or 0
    clock.now += 4
    progress.reach(400, 100)
    assert (progress.seconds, progress.percent, progress.rows) == (4, 25, 100)
    assert (progress.rows_per_second, progress.seconds_left) == (25, 12)
    clock.now += 4
    progress.reach(600, 1_900)
    assert str(progress) == "restored-3: 2,000 rows, 50 %, 250 rows/s, 8 s left"
    # Rows after the end were written since the restore began.
    progress.reach(1_005, 1)
    assert (progress.position, progress.percent, progress.seconds_left) == (1_000, 100, 0)
    assert sample("eventfold_restored_rows_total") == before + 2_001
    progress.finish()
    assert sample("eventfold_restore_seconds") == 8


def test_the_progress_of_a_restarted_restore_begins_at_0(clock: Clock) -> None:
    """Rows of all attempts are counted; a rate is defined before any time has passed."""
    progress = Progress("restored", 3)
    progress.start(50, 150)
    progress.reach(100, 10)
    assert progress.rows_per_second == 10_000
    clock.now += 7
    progress.start(0, 150)
    assert (progress.seconds, progress.position, progress.percent) == (0, 0, 0)
    empty = Progress("restored", 3)
    empty.start(5, 5)
    assert (empty.percent, empty.seconds_left) == (0, None)


@pytest.mark.parametrize(("end", "shown"), [(100, False), (101, True), (300, True)])
def test_metrics_show_restores_that_have_offsets_left(
    application: TickApp,
    new_table: NewTable,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    end: int,
    *,
    shown: bool,
) -> None:
    """The offsets left, the progress and the age."""
    progress = Progress("restored", 3)
    progress.start(100, end)
    clock.now += 2
    if end == 300:
        progress.reach(150, 1)
    new_table("1m", 0)
    task, other = (Task(application.tasks, TICKS.base_name, n, generation=1) for n in (3, 4))
    task.restoring = progress
    monkeypatch.setattr(application.tasks, "_by_partition", {task.tp: task, other.tp: other})
    found = {
        each.name: each.value
        for metric in TaskGauges(application.tasks).collect()
        for each in metric.samples
        if each.labels == {"table": "restored", "partition": "3"}
    }
    expected = {
        "eventfold_restore_left_offsets": 150 if end == 300 else 1,
        "eventfold_restore_progress_ratio": 0.25 if end == 300 else 0,
        "eventfold_restore_age_seconds": 2,
    }
    assert found == (expected if shown else {})
