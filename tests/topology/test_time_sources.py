"""Each topic has its own source of event time; the clock is the driver's."""

import pytest
from sensors import NewSensors, Reading

from eventfold.testing import DriverError
from eventfold.topics import DEAD_LETTERS, Timestamp
from eventfold.windows import Window

MINUTE = 60_000
ONE = Window(MINUTE, MINUTE)


def test_event_time_is_a_field_of_the_record(new_sensors: NewSensors) -> None:
    """It does not depend on when the record is written and read."""
    sensors = new_sensors()
    with sensors.drive() as driver:
        noon = driver.now
        driver.advance("10m")
        driver.pipe(sensors.readings, Reading("s", 1, noon), timestamp=noon + 5 * MINUTE)
        driver.settle()
        assert [total.start for total in driver.read(sensors.totals)] == [noon]


def test_event_time_is_the_create_time_of_the_producer(new_sensors: NewSensors) -> None:
    """It is Kafka's create time; the record's own time is like any field."""
    sensors = new_sensors(time=Timestamp.CREATE)
    with sensors.drive() as driver:
        noon = driver.now
        driver.advance("10m")
        driver.pipe(sensors.readings, Reading("s", 1, 0), timestamp=noon + 5 * MINUTE)
        driver.settle()
        assert [total.start for total in driver.read(sensors.totals)] == [noon + 5 * MINUTE]


def test_broker_rejects_a_create_time_that_is_far_ahead(new_sensors: NewSensors) -> None:
    """The topic's configuration asks it to: nothing else would stop a wrong clock."""
    sensors = new_sensors(time=Timestamp.CREATE)
    with sensors.drive() as driver, pytest.raises(DriverError, match="refuses a timestamp"):
        driver.pipe(sensors.readings, Reading("s", 1, 0), timestamp=driver.now + 61 * MINUTE)


def test_event_time_is_the_log_append_time_of_the_broker(new_sensors: NewSensors) -> None:
    """It replaces the producer's; so no record is late, however long it stays unread."""
    sensors = new_sensors(time=Timestamp.LOG_APPEND)
    with sensors.drive() as driver:
        noon = driver.now
        driver.kill()
        driver.pipe(sensors.readings, Reading("s", 1, 0), timestamp=noon - 99 * MINUTE)
        driver.advance("5m")
        driver.pipe(sensors.readings, Reading("s", 2, 0))
        driver.rebalance(["w2"])
        driver.settle()
        starts = {total.start: total.sum for total in driver.read(sensors.totals)}
        assert starts == {noon: 1, noon + 5 * MINUTE: 2}
        assert driver.read(sensors.late) == []


def test_event_time_is_the_processing_time_of_the_worker(new_sensors: NewSensors) -> None:
    """Both records are read in the same minute, though they were written five minutes apart."""
    sensors = new_sensors(time=Timestamp.PROCESSING)
    with sensors.drive() as driver:
        noon = driver.now
        driver.kill()
        driver.pipe(sensors.readings, Reading("s", 1, 0))
        driver.advance("5m")
        driver.pipe(sensors.readings, Reading("s", 2, 0))
        driver.rebalance(["w2"])
        driver.settle()
        (total,) = driver.read(sensors.totals)
        assert (total.start, total.sum) == (noon + 5 * MINUTE, 3)


def test_committed_processing_time_is_kept_after_a_crash(new_sensors: NewSensors) -> None:
    """Only uncommitted records are read again, at another time; none counts twice."""
    sensors = new_sensors(time=Timestamp.PROCESSING)
    with sensors.drive() as driver:
        noon = driver.now
        driver.pipe(sensors.readings, Reading("s", 1, 0))
        driver.advance("200ms")
        driver.pipe(sensors.readings, Reading("s", 2, 0))
        driver.run()
        driver.kill()
        driver.advance("5m")
        driver.rebalance(["w1"])
        driver.settle()
        starts = {total.start: total.sum for total in driver.read(sensors.totals)}
        assert starts == {noon: 1, noon + 5 * MINUTE: 2}


@pytest.mark.parametrize("event", ["taken over", "restored", "set back"])
def test_processing_time_never_runs_backwards(new_sensors: NewSensors, event: str) -> None:
    """No record is late by a slower clock: it counts at the stream time of its partition."""
    sensors = new_sensors(time=Timestamp.PROCESSING)
    with sensors.drive() as driver:
        noon = driver.now
        driver.pipe(sensors.readings, Reading("s", 1, 0))
        driver.settle()
        # The clock of the worker that goes on is ten minutes behind.
        driver.clock.start -= 10 * MINUTE
        if event == "taken over":
            driver.rebalance(["w2"])
        elif event == "restored":
            driver.crash(lose_store=True)
        driver.pipe(sensors.readings, *(Reading("s", 1, 0) for _ in range(10)))
        driver.settle()
        assert driver.read(sensors.late) == []
        assert driver.read(sensors.totals)[-1].sum == 11
        driver.advance("15m")
        driver.pipe(sensors.readings, Reading("s", 1, 0))
        driver.settle()
        starts = [window.start for window in sensors.table.results("s", ONE, 0, 1 << 62)]
        assert len(starts) == 2
        assert noon + 5 * MINUTE <= starts[1] < noon + 6 * MINUTE


def test_times_in_seconds_are_dead_letters(new_sensors: NewSensors) -> None:
    """So is every time that can not be one; the dead letter has the coordinates."""
    sensors = new_sensors()
    with sensors.drive() as driver:
        (piped,) = driver.pipe(sensors.readings, Reading("s", 1, driver.now // 1000))
        driver.settle()
        (letter,) = driver.read(DEAD_LETTERS)
        assert (letter.topic, letter.offset) == ("readings", piped.offset)
        assert "seconds perhaps given" in letter.error
        assert sensors.table.read("s", ONE, 0, driver.now) == []
