"""Rankings in two stages (TICKSTREAM_RANKING_STAGES=2) equal those in one, with fewer records."""

from collections.abc import AsyncIterable
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from market_truth import ORDERS, TopicRecord, gains, judge, rankings
from worker_scenarios import LATER, SCENARIOS, Scenario, play

from agents.gainers import daily_gain
from app.market.rankings import active, best, ranked, worst
from app.market.records import DailyGain
from app.market.topics import (
    BEST_GAINS,
    MOST_ACTIVE,
    PARTITION_GAINS,
    TICKS,
    TOP_GAINERS,
    TOP_LOSERS,
)
from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.top_n_table import TopNTable
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.testing import TopologyDriver
from tables.contenders import rank_partitions
from tables.days import days as product_days
from tables.gainers import gainers as one_stage
from tables.gainers import rank_best


class Stages(NamedTuple):
    """An application of the product's tables, and the last of them."""

    app: TickApp
    gainers: TopNTable


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """Declare the tables that agents/gainers.py declares for two stages."""
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("stages"))
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    days = WindowTable(
        app,
        name="days",
        source=TICKS,
        windows=product_days.windows,
        aggregate=product_days.aggregate,
        record=product_days.record,
        grace=product_days.grace,
        retention=product_days.retention,
        help="days",
    )
    contenders, gainers = rank_partitions(app), rank_best(app)
    days.publish(PARTITION_GAINS, daily_gain)
    contenders.publish(BEST_GAINS)
    gainers.publish(TOP_GAINERS)
    gainers.publish(TOP_LOSERS, worst)
    gainers.publish(MOST_ACTIVE, active)
    for topic, table in ((TICKS, days), (PARTITION_GAINS, contenders), (BEST_GAINS, gainers)):
        _fold(app, topic, table)
    return Stages(app, gainers)


def _fold(app: TickApp, topic: Any, table: Any) -> None:
    @app.agent(app.batches(topic), name=f"fold {table.name}")
    async def fold(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)


@settings(max_examples=20)
@given(SCENARIOS)
def test_two_stage_rankings_equal_one_stage_rankings(stages: Stages, scenario: Scenario) -> None:
    """The last ranking of each day is that of all symbols at once, through worker failures."""
    with TopologyDriver(
        stages.app, partitions=2, start=LATER, commit_time=scenario.commit_time
    ) as driver:
        play(driver, scenario)
        assert_rankings(driver)
        driver.crash(lose_store=True)
        right = expected_gains(driver)
        for kind, made in zip(ORDERS, (best, worst, active), strict=True):
            for day, ranking in rankings(right, kind).items():
                answer = ranked(stages.gainers, made, day)
                assert answer is not None
                assert answer.rank == ranking.rank
        driver.settle()
        assert_rankings(driver)
        for gains_of_partition in driver.topic(BEST_GAINS):
            assert len(gains_of_partition.rows) <= 30


def test_layouts_of_one_stage_and_two_stage_state_differ(stages: Stages) -> None:
    """A worker that finds rows of the other layout stops and logs it."""
    assert stages.gainers.layout != one_stage.layout


def assert_rankings(driver: TopologyDriver) -> None:
    """Assert the rankings that a reader of the compacted topics has in the end."""
    right = expected_gains(driver)
    for kind, topic in zip(ORDERS, (TOP_GAINERS, TOP_LOSERS, MOST_ACTIVE), strict=True):
        last = {ranking.day: ranking.rank for ranking in driver.topic(topic)}
        assert last == {day: each.rank for day, each in rankings(right, kind).items()}


def expected_gains(driver: TopologyDriver) -> list[TopicRecord]:
    """Return the last day of each symbol, of all ticks at once, as records of daily-gains."""
    name, right = PARTITION_GAINS.base_name, gains(judge(driver.records(TICKS))).values()
    values = [msgspec.json.encode(DailyGain(**gain, stream_time=0)) for gain in right]
    return [TopicRecord(name, 0, n, 0, None, value) for n, value in enumerate(values)]
