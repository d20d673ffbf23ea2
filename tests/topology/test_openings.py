"""Detection of a task that is stuck while it opens: a longer restore allows a longer next step."""

import pytest
from sensors import Sensors

from eventfold.engine.progress import Progress
from eventfold.engine.task import State, Task
from eventfold.kafka.openings import LIMIT, Openings

#: Seconds for which brokers have answered, longer than any test takes.
ANSWERING = 1e6


@pytest.fixture
def task(sensors: Sensors) -> Task:
    """Return a task that is opening."""
    tasks = sensors.app.tasks
    opening = Task(tasks, sensors.readings.base_name, 0, 1)
    tasks._by_partition[opening.tp] = opening
    return opening


@pytest.fixture
def openings(task: Task) -> Openings:
    """Return a monitor that has seen the task begin at 0 s."""
    monitor = Openings(task.tasks, lambda: 0)
    monitor.note(0)
    return monitor


@pytest.fixture
def limit(task: Task) -> float:
    """Return for how long (s) a task may make no progress: another transaction may block it."""
    return LIMIT + task.tasks.conf.transaction_timeout / 1000


def test_task_without_progress_is_stuck(task: Task, openings: Openings, limit: float) -> None:
    """The message names it."""
    openings.note(limit)
    assert list(openings.stuck(limit, answering=ANSWERING)) == []
    found = list(openings.stuck(limit + 1, answering=ANSWERING))
    assert found == [f"task {task.name} does not run and gets no further: it is opening"]


def test_restoring_task_is_not_stuck_however_long_it_takes(
    task: Task, openings: Openings, limit: float
) -> None:
    """Each check finds it further on."""
    task.restoring = Progress("readings", 0)
    task.restoring.start(0, 1_000)
    for step in range(10):
        task.restoring.reach(step + 1, 1)
        openings.note(step * limit)
        assert list(openings.stuck((step + 1) * limit, answering=ANSWERING)) == []


def test_task_may_pause_after_a_restore_for_as_long_as_that_took(
    task: Task, openings: Openings, limit: float
) -> None:
    """A store of many rows also takes long to open."""
    restored = 10 * limit
    task.restoring = Progress("readings", 0)
    task.restoring.start(0, 1_000)
    task.restoring.reach(1_000, 1_000)
    openings.note(restored)
    assert list(openings.stuck(2 * restored + limit, answering=ANSWERING)) == []
    assert list(openings.stuck(2 * restored + limit + 1, answering=ANSWERING)) != []


def test_a_task_is_not_stuck_while_no_broker_answers(openings: Openings, limit: float) -> None:
    """No restart would help: the time counts from when brokers answer again."""
    assert list(openings.stuck(10 * limit, answering=0)) == []
    assert list(openings.stuck(10 * limit, answering=limit)) == []
    assert list(openings.stuck(10 * limit, answering=limit + 1)) != []


def test_task_that_is_not_reopened_is_stuck(task: Task, openings: Openings, limit: float) -> None:
    """A failed task is closed for a second or two; for longer, its partition is not processed."""
    task.state = State.CLOSED
    openings.note(1)
    assert list(openings.stuck(1 + limit, answering=ANSWERING)) == []
    found = list(openings.stuck(3 + limit, answering=ANSWERING))
    assert found == [f"task {task.name} does not run and gets no further: it is closed"]


def test_running_task_is_not_stuck(task: Task, openings: Openings, limit: float) -> None:
    """Nor is it before the next check."""
    task.state = State.RUNNING
    assert list(openings.stuck(10 * limit, answering=ANSWERING)) == []
    openings.note(10 * limit)
    assert list(openings.stuck(20 * limit, answering=ANSWERING)) == []
