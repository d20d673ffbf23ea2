"""The emit strategy of changes is a table's choice; final results are the same with each."""

from sensors import NewSensors, Reading, Sensors, Total

from eventfold.testing import TopologyDriver
from eventfold.windows import Emission, Window, at_most_every, every_change, on_close

MINUTE = 60_000


def live_a_minute(sensors: Sensors, driver: TopologyDriver) -> list[int]:
    """Pipe readings: four in a minute, one each second, then one that closes it.

    Returns how many results had been published after each second.
    """
    noon, said = driver.now, []
    for second in range(4):
        driver.pipe(sensors.readings, Reading("s", 1, noon + second))
        driver.advance("1s")
        said.append(len(driver.topic(sensors.totals)))
    driver.pipe(sensors.readings, Reading("s", 1, noon + 2 * MINUTE))
    driver.settle()
    return said


def finals(sensors: Sensors, driver: TopologyDriver) -> list[Total]:
    """Return the final results."""
    return [total for total in driver.topic(sensors.totals) if total.final]


def assert_said(new_sensors: NewSensors, emission: Emission | None, said: list[int]) -> None:
    """Assert how many results are published after each second; the final one is always the same."""
    sensors = new_sensors(emission=emission)
    with sensors.drive() as driver:
        noon = driver.now
        assert live_a_minute(sensors, driver) == said
        (final,) = finals(sensors, driver)
        assert (final.start, final.sum, final.count, final.revision) == (noon, 4, 4, 7)


def test_without_a_choice_once_an_interval(new_sensors: NewSensors) -> None:
    """TICKSTREAM_PUBLISH_INTERVAL is a second."""
    assert_said(new_sensors, None, [1, 2, 3, 4])


def test_at_most_every_two_seconds(new_sensors: NewSensors) -> None:
    """The changes of both seconds in one result."""
    assert_said(new_sensors, at_most_every("2s"), [0, 1, 1, 2])


def test_on_close(new_sensors: NewSensors) -> None:
    """Nothing before it is final; a query sees the window all the time."""
    assert_said(new_sensors, on_close(), [0, 0, 0, 0])
    sensors = new_sensors(emission=on_close())
    with sensors.drive() as driver:
        noon = driver.now
        driver.pipe(sensors.readings, Reading("s", 1, noon))
        driver.settle()
        (answer,) = sensors.table.read("s", Window(MINUTE, MINUTE), noon, noon + 1)
        assert (answer.sum, answer.final) == (1, False)
        assert driver.topic(sensors.totals) == []


def test_every_change(new_sensors: NewSensors) -> None:
    """One result for each record, however many come at once, in their order."""
    assert_said(new_sensors, every_change(), [1, 2, 3, 4])
    sensors = new_sensors(emission=every_change())
    with sensors.drive() as driver:
        noon = driver.now
        driver.pipe(sensors.readings, *(Reading("s", number, noon) for number in range(1, 6)))
        driver.settle()
        assert [total.sum for total in driver.read(sensors.totals)] == [1, 3, 6, 10, 15]


def test_every_change_is_said_once_through_a_crash(new_sensors: NewSensors) -> None:
    """What was not committed is folded and published again; what was, is not."""
    sensors = new_sensors(emission=every_change())
    with sensors.drive(batch=2) as driver:
        noon = driver.now
        for number in range(1, 6):
            driver.pipe(sensors.readings, Reading("s", number, noon))
            driver.crash(at="before commit" if number % 2 else "after commit")
        driver.settle()
        assert [total.sum for total in driver.read(sensors.totals)] == [1, 3, 6, 10, 15]
