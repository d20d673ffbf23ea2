"""Transactions that hang: the uncommitted bytes are bounded meanwhile, and no record is lost."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from aiokafka import TopicPartition
from redeclared import BARS, TRADES, Deploy, Deployment
from sensors import NewSensors, Reading, Sensors

from app.market.records import Tick
from eventfold.engine.uncommitted import Uncommitted
from eventfold.testing import TopologyDriver

#: Bytes that may be uncommitted, and most records of a batch.
LIMIT, BATCH = 200_000, 100

#: Number of readings, which would take many times LIMIT.
READINGS = 20_000

MINUTE = 60_000

ONE, TWO, THREE = (TopicPartition("readings", number) for number in range(3))


def limited(sensors: Sensors, monkeypatch: pytest.MonkeyPatch, **options: Any) -> TopologyDriver:
    """Return a driver of an application with LIMIT."""
    tasks = sensors.app.tasks
    conf = tasks.conf.model_copy(update={"uncommitted_bytes": LIMIT})
    monkeypatch.setattr(tasks, "conf", conf)
    return sensors.drive(batch=BATCH, **options)


def readings(now: int) -> Iterator[Reading]:
    """Yield readings of distinct sensors, one each."""
    return (Reading(f"sensor-{number:06}", 1, now) for number in range(READINGS))


def folded(sensors: Sensors) -> int:
    """Return how many readings are folded."""
    task = sensors.app.tasks.running(ONE)
    assert task is not None
    return task.position


def test_folding_waits_while_transactions_hang_and_no_record_is_lost(
    new_sensors: NewSensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the coordinator is away for a minute little is folded; then all of it is, once."""
    sensors = new_sensors()
    with limited(sensors, monkeypatch, commit_time="1m") as driver:
        driver.pipe(sensors.readings, *readings(driver.now))
        driver.advance("10s")
        waiting, held = folded(sensors), sensors.app.tasks.uncommitted.total
        driver.advance("40s")
        assert folded(sensors) == waiting < READINGS / 10
        assert LIMIT < held < 2 * LIMIT
        driver.settle()
        assert folded(sensors) == READINGS
        totals = driver.topic(sensors.totals)
        assert {each.sensor: each.count for each in totals} == {
            each.sensor: 1 for each in readings(driver.now)
        }
        assert sensors.app.tasks.uncommitted.total == 0


def test_folding_of_candles_waits_and_counts_each_trade_once(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds for native code and for pure Python."""
    app = deploy(Deployment())
    conf = app.tasks.conf.model_copy(update={"uncommitted_bytes": LIMIT})
    monkeypatch.setattr(app.tasks, "conf", conf)
    with TopologyDriver(app, partitions=1, batch=BATCH, commit_time="1m") as driver:
        symbols = [f"symbol-{number:06}" for number in range(READINGS)]
        driver.pipe(TRADES, *(Tick(symbol, 1.5, driver.now, 2) for symbol in symbols))
        driver.advance("50s")
        task = app.tasks.running(TopicPartition(TRADES.base_name, 0))
        assert task is not None
        assert task.position < READINGS / 10
        driver.settle()
        counts = {bar.symbol: (bar.count, bar.volume) for bar in driver.topic(BARS)}
        assert counts == dict.fromkeys(symbols, (1, 2))
        assert app.tasks.uncommitted.total == 0


def test_uncommitted_late_records_are_bounded(
    new_sensors: NewSensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each makes a record of the late topic and a count, but no pane."""
    sensors = new_sensors()
    with limited(sensors, monkeypatch, commit_time="1m") as driver:
        driver.pipe(sensors.readings, Reading("clock", 1, driver.now))
        driver.advance("2m")
        driver.pipe(sensors.readings, *readings(driver.now - 60 * MINUTE))
        driver.advance("10s")
        assert folded(sensors) < READINGS / 10
        driver.settle()
        assert len(driver.topic(sensors.late)) == READINGS


def test_after_a_slow_transaction_half_an_interval_is_left_for_folding(
    new_sensors: NewSensors,
) -> None:
    """A checkpoint that takes nearly the interval is not followed by the next at once."""
    sensors = new_sensors()
    interval = sensors.app.tasks.conf.checkpoint_interval
    commit_time = interval * 9 // 10
    commits: list[int] = []
    with sensors.drive(commit_time=commit_time) as driver:
        task = sensors.app.tasks.running(ONE)
        assert task is not None
        (state,) = task.states
        for _ in range(200):
            before = state.committed_position
            driver.pipe(sensors.readings, Reading("s", 1, driver.now))
            driver.advance(interval // 20)
            if state.committed_position > before:
                commits.append(driver.now)
    between = [later - earlier for earlier, later in pairwise(commits)]
    assert len(between) > 3
    assert min(between) >= commit_time + interval // 2


@pytest.mark.parametrize("windows", ["1m", "5m/1m", "session 1m", "count 3"])
def test_committed_bytes_are_released(
    new_sensors: NewSensors, monkeypatch: pytest.MonkeyPatch, windows: str
) -> None:
    """Otherwise folding would wait for ever, whatever the window definition."""
    sensors = new_sensors(windows=windows)
    with limited(sensors, monkeypatch) as driver:
        for minute in range(8):
            now = driver.now - MINUTE * (20 - minute)
            driver.pipe(sensors.readings, *(Reading(f"s{n % 200}", n, now) for n in range(1_000)))
            driver.advance("1s")
        driver.settle()
        assert folded(sensors) == 8_000
        assert sensors.app.tasks.uncommitted.total == 0


def test_worker_stops_while_folding_is_blocked(
    new_sensors: NewSensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop does not wait for the missing checkpoint; the next worker folds the rest again."""
    sensors = new_sensors()
    with limited(sensors, monkeypatch, commit_time="1m") as driver:
        driver.pipe(sensors.readings, *readings(driver.now))
        driver.advance("10s")
        before = driver.now
        driver.restart()
        assert driver.now - before < 10_000
        driver.settle()
        assert sum(each.count for each in driver.topic(sensors.totals)) == READINGS


def test_blocked_task_leaves_other_tasks_their_share() -> None:
    """Only tasks that hold more than their share of the limit wait."""
    uncommitted = Uncommitted(300)
    for tp in (ONE, TWO, THREE):
        uncommitted.note(tp, 0)
    uncommitted.note(ONE, 290)
    assert not uncommitted.exceeded_by(ONE)
    uncommitted.note(TWO, 90)
    assert uncommitted.exceeded_by(ONE)
    assert not uncommitted.exceeded_by(TWO)
    uncommitted.note(THREE, 101)
    assert uncommitted.exceeded_by(THREE)
    uncommitted.forget(ONE)
    assert not uncommitted.exceeded_by(THREE)
    assert uncommitted.total == 191
