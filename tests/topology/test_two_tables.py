"""Two tables folded from one topic, one of them slowly: each has its own position.

They are checkpointed together; after a crash a task begins at the lower position, and the table
that was ahead does not fold again what it has.
"""

import asyncio
from collections.abc import AsyncIterable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from sensors import LateReading, Reading, Sensors, Total, declare, late_reading, total
from worker_scenarios import LATER, SCENARIOS, Scenario, play

from app.market.records import Tick
from app.settings import Settings
from eventfold.aggregates import Sum
from eventfold.engine.batch import Batch
from eventfold.engine.window_table import WindowTable
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS, Topic

#: How long the slow agent waits before it folds a batch (s).
FOLD_DELAY = 0.3


class TwoTables(NamedTuple):
    """An application with two tables."""

    sensors: Sensors
    slow: WindowTable
    slow_totals: Topic
    slow_late: Topic


@pytest.fixture(scope="module")
def two_tables(tmp_path_factory: pytest.TempPathFactory) -> TwoTables:
    """Declare the second table and its agent."""
    sensors = declare(Settings(APP_DATADIR=tmp_path_factory.mktemp("pair")), grace="5m")
    totals = Topic("slow-totals", "sensor", Total, "sums of the slow table")
    late = Topic("slow-missed", "sensor", LateReading, "what came too late for it")
    slow = WindowTable(
        sensors.app,
        name="slow-sums",
        source=sensors.readings,
        windows="5m/1m",
        aggregate=Sum("value"),
        record=total,
        grace="1m",
        retention="1d",
        help="sums",
    )
    slow.publish(totals)
    slow.late(late, late_reading)

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def fold_slowly(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await asyncio.sleep(FOLD_DELAY)
            await slow.fold(batch)

    return TwoTables(sensors, slow, totals, late)


@settings(max_examples=40)
@given(SCENARIOS)
def test_each_table_folds_every_record_once(two_tables: TwoTables, scenario: Scenario) -> None:
    """An unreadable record is one dead letter for both, through worker failures."""
    undisturbed = outcome(two_tables, scenario._replace(steps=[], commit_time=0))
    assert outcome(two_tables, scenario) == undisturbed


def outcome(two_tables: TwoTables, scenario: Scenario) -> dict[str, Any]:
    """Play a scenario; return the records that a reader of all topics has in the end."""
    app, readings, totals, late, table = two_tables.sensors

    def pipe(driver: TopologyDriver, tick: Tick | bytes) -> None:
        if isinstance(tick, bytes):
            driver.pipe_raw(readings, tick, tick)
        else:
            driver.pipe(readings, Reading(tick.symbol, tick.size, tick.time))

    with TopologyDriver(app, partitions=2, start=LATER, commit_time=scenario.commit_time) as driver:
        play(driver, scenario, pipe)
        return {
            "totals": last_of(driver.topic(totals)),
            "slow totals": last_of(driver.topic(two_tables.slow_totals)),
            "late": sorted(map(repr, driver.topic(late))),
            "slow late": sorted(map(repr, driver.topic(two_tables.slow_late))),
            "dead": sorted((d.partition, d.offset) for d in driver.topic(DEAD_LETTERS)),
            "lateness": [table.lateness(), two_tables.slow.lateness()],
        }


def last_of(totals: list[Total]) -> dict[tuple[str, int], Total]:
    """Return the last result of each window; assert that nothing follows a final one."""
    last: dict[tuple[str, int], Total] = {}
    for each in totals:
        before = last.get((each.sensor, each.start))
        assert before is None or not before.final, (before, each)
        last[each.sensor, each.start] = each
    return last


def test_committed_offset_is_the_position_of_the_slower_table(two_tables: TwoTables) -> None:
    """Records that it has not folded are delivered again after a crash, to it alone."""
    app, readings, totals, *_ = two_tables.sensors
    with TopologyDriver(app, partitions=1, batch=1) as driver:
        driver.pipe(readings, *(Reading("s", 1, driver.now) for _ in range(10)))
        driver.advance("1s")
        assert [each.sum for each in driver.topic(totals)] == [10]
        assert {each.sum for each in driver.topic(two_tables.slow_totals)} == {3}
        driver.crash()
        driver.advance("1s")
        assert [each.sum for each in driver.topic(totals)] == [10]
        assert {each.sum for each in driver.topic(two_tables.slow_totals)} == {3, 6}
        driver.settle()
        assert [each.sum for each in driver.topic(totals)] == [10]
        assert max(each.sum for each in driver.topic(two_tables.slow_totals)) == 10
