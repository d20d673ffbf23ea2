"""The source of event time is the topic's choice; the clock is the driver's."""

import pytest
from sensors import NewSensors, Reading

from eventfold.testing import DriverError
from eventfold.topics import DEAD_LETTERS, Timestamp
from eventfold.windows import Window

MINUTE = 60_000
ONE = Window(MINUTE, MINUTE)


def test_a_field_of_the_record(new_sensors: NewSensors) -> None:
    """What was measured a minute ago belongs there, whenever it is written and read."""
    sensors = new_sensors()
    with sensors.drive() as driver:
        noon = driver.now
        driver.advance("10m")
        driver.pipe(sensors.readings, Reading("s", 1, noon), timestamp=noon + 5 * MINUTE)
        driver.settle()
        assert [total.start for total in driver.read(sensors.totals)] == [noon]


def test_the_time_that_the_producer_gave(new_sensors: NewSensors) -> None:
    """Kafka's create time; the record's own field is any field."""
    sensors = new_sensors(time=Timestamp.CREATE)
    with sensors.drive() as driver:
        noon = driver.now
        driver.advance("10m")
        driver.pipe(sensors.readings, Reading("s", 1, 0), timestamp=noon + 5 * MINUTE)
        driver.settle()
        assert [total.start for total in driver.read(sensors.totals)] == [noon + 5 * MINUTE]


def test_a_broker_refuses_a_create_time_that_is_far_ahead(new_sensors: NewSensors) -> None:
    """As the topic's configuration asks it to: nothing else would stop a wrong clock."""
    sensors = new_sensors(time=Timestamp.CREATE)
    with sensors.drive() as driver, pytest.raises(DriverError, match="refuses a timestamp"):
        driver.pipe(sensors.readings, Reading("s", 1, 0), timestamp=driver.now + 61 * MINUTE)


def test_the_time_at_which_the_broker_stored_it(new_sensors: NewSensors) -> None:
    """Whatever the producer sets; so nothing is late, however long it lies there unread."""
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


def test_the_time_at_which_a_worker_reads_it(new_sensors: NewSensors) -> None:
    """Both are read at once, in the same minute, though five minutes lie between them."""
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


def test_processing_time_is_that_of_the_first_reading(new_sensors: NewSensors) -> None:
    """A crash reads again what was not committed, at another time; nothing counts twice."""
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
    """Of a slower clock nothing is late: it counts where the partition's stream time stands."""
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


def test_seconds_instead_of_milliseconds_are_dead_letters(new_sensors: NewSensors) -> None:
    """As every time that can't be one; the record's place is in the letter."""
    sensors = new_sensors()
    with sensors.drive() as driver:
        (piped,) = driver.pipe(sensors.readings, Reading("s", 1, driver.now // 1000))
        driver.settle()
        (letter,) = driver.read(DEAD_LETTERS)
        assert (letter.topic, letter.offset) == ("readings", piped.offset)
        assert "seconds perhaps given" in letter.error
        assert sensors.table.read("s", ONE, 0, driver.now) == []
