"""A task that is stuck in opening: the more it has restored, the longer its next step may take."""

import pytest
from sensors import Sensors

from eventfold.engine.progress import Progress
from eventfold.engine.task import State, Task
from eventfold.kafka.openings import LIMIT, Openings

#: Seconds, long after anything has begun, for which brokers have answered.
ANSWERING = 1e6


@pytest.fixture
def task(sensors: Sensors) -> Task:
    """Return a task that opens."""
    tasks = sensors.app.tasks
    opening = Task(tasks, sensors.readings.name, 0, 1)
    tasks._by_partition[opening.tp] = opening
    return opening


@pytest.fixture
def openings(task: Task) -> Openings:
    """Return what has seen the task begin at 0 s."""
    noted = Openings(task.tasks, lambda: 0)
    noted.note(0)
    return noted


@pytest.fixture
def limit(task: Task) -> float:
    """Return for how long (s) any task may rest: another one's transaction may be in its way."""
    return LIMIT + task.tasks.conf.transaction_timeout / 1000


def test_a_task_that_gets_no_further_is_stuck(task: Task, openings: Openings, limit: float) -> None:
    """It is named."""
    openings.note(limit)
    assert list(openings.stuck(limit, answering=ANSWERING)) == []
    found = list(openings.stuck(limit + 1, answering=ANSWERING))
    assert found == [f"task {task.name} does not run and gets no further: it is opening"]


def test_a_task_that_restores_is_not_stuck_however_long_it_takes(
    task: Task, openings: Openings, limit: float
) -> None:
    """Each look finds it further on."""
    task.restoring = Progress("readings", 0)
    task.restoring.start(0, 1_000)
    for step in range(10):
        task.restoring.reach(step + 1, 1)
        openings.note(step * limit)
        assert list(openings.stuck((step + 1) * limit, answering=ANSWERING)) == []


def test_a_task_may_rest_after_a_restore_for_as_long_as_that_took(
    task: Task, openings: Openings, limit: float
) -> None:
    """A store of many rows takes long to be opened as well."""
    restored = 10 * limit
    task.restoring = Progress("readings", 0)
    task.restoring.start(0, 1_000)
    task.restoring.reach(1_000, 1_000)
    openings.note(restored)
    assert list(openings.stuck(2 * restored + limit, answering=ANSWERING)) == []
    assert list(openings.stuck(2 * restored + limit + 1, answering=ANSWERING)) != []


def test_a_task_is_not_stuck_while_no_broker_answers(openings: Openings, limit: float) -> None:
    """No restart would help: the time counts from when they answer again."""
    assert list(openings.stuck(10 * limit, answering=0)) == []
    assert list(openings.stuck(10 * limit, answering=limit)) == []
    assert list(openings.stuck(10 * limit, answering=limit + 1)) != []


def test_a_task_that_is_not_opened_again_is_stuck(
    task: Task, openings: Openings, limit: float
) -> None:
    """A task that has failed is closed for a second or two, else its partition stands still."""
    task.state = State.CLOSED
    openings.note(1)
    assert list(openings.stuck(1 + limit, answering=ANSWERING)) == []
    found = list(openings.stuck(3 + limit, answering=ANSWERING))
    assert found == [f"task {task.name} does not run and gets no further: it is closed"]


def test_a_task_that_runs_is_not_stuck(task: Task, openings: Openings, limit: float) -> None:
    """Also before the next look."""
    task.state = State.RUNNING
    assert list(openings.stuck(10 * limit, answering=ANSWERING)) == []
    openings.note(10 * limit)
    assert list(openings.stuck(20 * limit, answering=ANSWERING)) == []
