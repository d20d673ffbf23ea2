"""A batch that can not be folded is retried a few times; a part of it is never committed."""

from collections.abc import Callable

import pytest
from sensors import NewSensors, Reading, Sensors

from eventfold.engine.errors import BatchError, TaskError
from eventfold.engine.tasks import ATTEMPTS
from eventfold.testing import TopologyDriver
from eventfold.windows import Rejection

MINUTE = 60_000


class Database:
    """Database that the record function for late readings queries; it may be down."""

    def __init__(self) -> None:
        self.away = 0

    def ask(self, reading: Reading, rejection: Rejection) -> None:
        """Raise as often as it is down."""
        del reading, rejection
        if self.away:
            self.away -= 1
            raise OSError("the database is away")


@pytest.fixture
def database() -> Database:
    """Return a database that is up."""
    return Database()


@pytest.fixture
def flaky(new_sensors: NewSensors, database: Database) -> Sensors:
    """Declare an application whose late readings query the database."""
    sensors = new_sensors()
    sensors.table.late(sensors.late, database.ask)
    return sensors


def pipe_on_time_and_late(sensors: Sensors, driver: TopologyDriver, minute: int) -> None:
    """Pipe a batch of three readings: one, one that advances the clock, one too late."""
    noon = driver.now + minute * MINUTE
    times = (noon, noon + 3 * MINUTE, noon - MINUTE)
    driver.pipe(sensors.readings, *(Reading("s", 1, time) for time in times))


def fail(act: Callable[[], object], times: int) -> None:
    """Assert that an action fails so many times."""
    for _ in range(times):
        with pytest.raises(BatchError, match="the database is away"):
            act()


def counted(sensors: Sensors, driver: TopologyDriver) -> int:
    """Return how many readings are in the newest results of all windows."""
    newest = {total.start: total.count for total in driver.topic(sensors.totals)}
    return sum(newest.values())


def test_a_batch_that_fails_a_few_times_counts_once(flaky: Sensors, database: Database) -> None:
    """It counts once it can be folded, whatever was folded of it before."""
    with flaky.drive() as driver:
        database.away = ATTEMPTS - 1
        pipe_on_time_and_late(flaky, driver, 0)
        fail(driver.settle, ATTEMPTS - 1)
        driver.settle()
        assert counted(flaky, driver) == 2
        assert flaky.table.late_of("s") == 1


def test_batch_that_fails_every_attempt_stops_the_worker(
    flaky: Sensors, database: Database
) -> None:
    """The last error has the number of the attempt."""
    with flaky.drive() as driver:
        database.away = ATTEMPTS
        pipe_on_time_and_late(flaky, driver, 0)
        fail(driver.settle, ATTEMPTS - 1)
        with pytest.raises(TaskError, match=f"that was attempt {ATTEMPTS} of {ATTEMPTS}"):
            driver.settle()


def test_each_batch_has_its_own_attempts(flaky: Sensors, database: Database) -> None:
    """Failures of a batch that was folded in the end do not count for a later one."""
    with flaky.drive() as driver:
        for number in range(3):
            database.away = ATTEMPTS - 1
            pipe_on_time_and_late(flaky, driver, 4 * number)
            fail(driver.settle, ATTEMPTS - 1)
            driver.settle()
        assert counted(flaky, driver) == 6


def test_a_task_that_failed_writes_no_last_checkpoint(flaky: Sensors, database: Database) -> None:
    """Half of a batch is folded when the partition moves: the next owner folds all of it.

    Earlier records are not committed either: they are in the same rows.
    """
    with flaky.drive() as driver:
        driver.pipe(flaky.readings, Reading("s", 1, driver.now))
        driver.run()
        database.away = 1
        pipe_on_time_and_late(flaky, driver, 0)
        driver.run()
        driver.rebalance(["w2"])
        driver.settle()
        assert counted(flaky, driver) == 3
        assert flaky.table.late_of("s") == 1
