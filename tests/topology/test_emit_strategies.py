"""Each table has its own emit strategy for changes; final results are the same with each."""

from sensors import NewSensors, Reading, Sensors, Total

from eventfold.testing import TopologyDriver
from eventfold.windows import EmitStrategy, Window, at_most_every, every_change, on_close

MINUTE = 60_000


def published_per_second(sensors: Sensors, driver: TopologyDriver) -> list[int]:
    """Pipe readings: four in a minute, one each second, then one that closes it.

    Return how many results had been published after each second.
    """
    noon, published = driver.now, []
    for second in range(4):
        driver.pipe(sensors.readings, Reading("s", 1, noon + second))
        driver.advance("1s")
        published.append(len(driver.topic(sensors.totals)))
    driver.pipe(sensors.readings, Reading("s", 1, noon + 2 * MINUTE))
    driver.settle()
    return published


def finals(sensors: Sensors, driver: TopologyDriver) -> list[Total]:
    """Return the final results."""
    return [total for total in driver.topic(sensors.totals) if total.final]


def assert_published(
    new_sensors: NewSensors, emit: EmitStrategy | None, published: list[int]
) -> None:
    """Assert how many results are published after each second, and the same final one."""
    sensors = new_sensors(emit=emit)
    with sensors.drive() as driver:
        noon = driver.now
        assert published_per_second(sensors, driver) == published
        (final,) = finals(sensors, driver)
        assert (final.start, final.sum, final.count, final.revision) == (noon, 4, 4, 7)


def test_changes_are_published_once_per_interval_by_default(new_sensors: NewSensors) -> None:
    """TICKSTREAM_PUBLISH_INTERVAL is a second."""
    assert_published(new_sensors, None, [1, 2, 3, 4])


def test_at_most_every_publishes_once_in_two_seconds(new_sensors: NewSensors) -> None:
    """One result has the changes of both seconds."""
    assert_published(new_sensors, at_most_every("2s"), [0, 1, 1, 2])


def test_on_close_publishes_only_final_results(new_sensors: NewSensors) -> None:
    """A query returns the window all the time."""
    assert_published(new_sensors, on_close(), [0, 0, 0, 0])
    sensors = new_sensors(emit=on_close())
    with sensors.drive() as driver:
        noon = driver.now
        driver.pipe(sensors.readings, Reading("s", 1, noon))
        driver.settle()
        (answer,) = sensors.table.read("s", Window(MINUTE, MINUTE), noon, noon + 1)
        assert (answer.sum, answer.final) == (1, False)
        assert driver.topic(sensors.totals) == []


def test_every_change_publishes_one_result_per_record(new_sensors: NewSensors) -> None:
    """Records of one batch have a result each, in their order."""
    assert_published(new_sensors, every_change(), [1, 2, 3, 4])
    sensors = new_sensors(emit=every_change())
    with sensors.drive() as driver:
        noon = driver.now
        driver.pipe(sensors.readings, *(Reading("s", number, noon) for number in range(1, 6)))
        driver.settle()
        assert [total.sum for total in driver.read(sensors.totals)] == [1, 3, 6, 10, 15]


def test_every_change_is_published_once_through_a_crash(new_sensors: NewSensors) -> None:
    """Only results that were not committed are folded and published again."""
    sensors = new_sensors(emit=every_change())
    with sensors.drive(batch=2) as driver:
        noon = driver.now
        for number in range(1, 6):
            driver.pipe(sensors.readings, Reading("s", number, noon))
            driver.crash(at="before commit" if number % 2 else "after commit")
        driver.settle()
        assert [total.sum for total in driver.read(sensors.totals)] == [1, 3, 6, 10, 15]
