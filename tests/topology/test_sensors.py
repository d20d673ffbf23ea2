"""Readings with nulls, and the silence that fits the interval of each machine."""

import json
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import app
from app.maintenance.records import Maintenance, Reading
from app.maintenance.topics import MAINTENANCE, READINGS
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS
from tables.machines import machines

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


@pytest.fixture
def driver() -> Iterator[TopologyDriver]:
    """Yield a driver of the pipeline, months after all records that are piped."""
    with driving() as running:
        yield running


def driving() -> TopologyDriver:
    """Return a driver with one partition: stream time is the same for all machines."""
    return TopologyDriver(app, tables=[machines], partitions=1, start=START + 200 * DAY)


def reading(time: int, machine: str = "room", **values: float | None) -> Reading:
    """Make a reading, so many ms after the start."""
    return Reading(machine, values or {"heat": 20.0}, START + time)


def found(driver: TopologyDriver, *kinds: str) -> list[Maintenance]:
    """Pass a day without readings; return what was published, of the given kinds."""
    last = max(json.loads(each.value or b"")["time"] for each in driver.records(READINGS))
    driver.pipe(READINGS, Reading("clock", {}, last + DAY))
    driver.settle()
    published: list[Maintenance] = driver.topic(MAINTENANCE)
    return [each for each in published if each.kind in kinds and each.time <= last]


# -- missing values


def test_null_costs_only_itself(driver: TopologyDriver) -> None:
    """The temperature beside it is kept; no record is a dead letter."""
    driver.pipe_raw(
        READINGS,
        b"room",
        b'{"machine":"room","values":{"temperature":99.0,"humidity":null},"time":%d}' % START,
    )
    driver.pipe(READINGS, reading(2 * SECOND, machine="clock"), reading(MINUTE, machine="clock"))
    driver.settle()
    assert driver.topic(DEAD_LETTERS) == []
    state = machines.state_of("room")
    assert state is not None
    assert set(state.sensors) == {"temperature"}
    assert state.sensors["temperature"].window == [99.0]


def sensors(nulls: Iterable[bool], *, are_sent: bool) -> list[Maintenance]:
    """Run a sensor that jumps and drifts beside one that is null or missing."""
    with driving() as driver:
        for n, is_null in enumerate(nulls):
            heat = 60.0 + (-1) ** n + (20 if n == 150 else 0) + (5 if n > 170 else 0)
            beside = {"damp": None} if is_null and are_sent else {}
            driver.pipe(READINGS, reading(2 * SECOND * n, heat=heat, **beside))
        return found(driver, "drift", "spike", "silence")


@given(st.lists(st.booleans(), min_size=260, max_size=260))
@settings(max_examples=3, deadline=None)
def test_nulls_anywhere_change_nothing_else(nulls: list[bool]) -> None:
    """Findings about the other sensor are the same with and without them."""
    alerts = sensors(nulls, are_sent=True)
    assert {each.kind for each in alerts} == {"spike", "drift"}
    assert alerts == sensors(nulls, are_sent=False)


# -- silence


@pytest.mark.parametrize(
    ("interval", "silence"),
    [(2 * SECOND, MINUTE), (30 * SECOND, 90 * SECOND), (5 * MINUTE, 15 * MINUTE), (HOUR, 3 * HOUR)],
)
def test_silence_fits_the_interval_of_a_machine(
    driver: TopologyDriver, interval: int, silence: int
) -> None:
    """Three intervals without a reading are a silence, but at least a minute."""
    driver.pipe(READINGS, *(reading(n * interval) for n in range(10)))
    driver.pipe(READINGS, reading(DAY))
    (alert,) = found(driver, "silence")
    assert (alert.time, alert.limit) == (START + 9 * interval + silence, silence)


def test_machines_that_seldom_report_are_not_silent_at_the_start(driver: TopologyDriver) -> None:
    """Their interval is not known yet."""
    driver.pipe(READINGS, *(reading(n * DAY) for n in range(8)))
    assert found(driver, "silence", "back") == []


def test_one_outage_does_not_change_what_is_usual(driver: TopologyDriver) -> None:
    """The second is found as soon as the first."""
    times = [*range(0, HOUR, 5 * MINUTE), *range(9 * HOUR, 10 * HOUR, 5 * MINUTE), 20 * HOUR]
    driver.pipe(READINGS, *(reading(time) for time in times))
    assert [each.limit for each in found(driver, "silence")] == [15 * MINUTE] * 2


def test_machine_that_now_reports_less_often_is_expected_less_often(
    driver: TopologyDriver,
) -> None:
    """After a few silences none is published."""
    driver.pipe(READINGS, *(reading(n * 2 * SECOND) for n in range(100)))
    driver.pipe(READINGS, *(reading(HOUR + n * 5 * MINUTE) for n in range(100)))
    silences = found(driver, "silence")
    assert len(silences) < 6
    assert silences[-1].time < START + 2 * HOUR


# -- replay


def test_results_do_not_depend_on_batches() -> None:
    """Readings all at once and a few at a time: the same alerts."""
    values = [60.0 + (-1) ** n + 5 * (n > 300) + 20 * (n == 200) for n in range(400)]
    records = [reading(2 * SECOND * n, heat=value) for n, value in enumerate(values)]
    results = []
    for size in (400, 7):
        with driving() as driver:
            for start in range(0, len(records), size):
                driver.pipe(READINGS, *records[start : start + size])
                driver.settle()
            results.append(found(driver, "drift", "spike", "silence", "back"))
    assert {each.kind for each in results[0]} == {"drift", "spike"}
    assert results[0] == results[1]
