"""ticks -> candles, days -> daily-gains -> gainers -> rankings, exact through worker failures.

The product's own agents and tables; two partitions, then one behind the repartition.
"""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_truth import DAY, GRACE, ORDERS, Truth, candles, gains, judge, late_ticks, rankings
from msgspec import structs
from worker_scenarios import LATER, SCENARIOS, SYMBOLS, Market, Scenario, play

from app import app
from app.market.rankings import active, best, ranked, worst
from app.market.topics import (
    CANDLES,
    DAILY_GAINS,
    MOST_ACTIVE,
    TICKS,
    TICKS_LATE,
    TOP_GAINERS,
    TOP_LOSERS,
)
from eventfold.native import extension
from eventfold.records.candles import Candle
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import Window
from tables.candles import candles as candle_table
from tables.days import days as day_table
from tables.gainers import gainers as gainer_table


@settings(max_examples=150)
@given(SCENARIOS, st.booleans() if extension() else st.just(value=False))
def test_every_stage_is_exact_through_random_worker_failures(
    market: Market, scenario: Scenario, native: bool
) -> None:
    """Each result is that of all ticks at once, finals are published once, nothing is lost.

    Whether ticks are folded by native code or by pure Python.
    """
    conf = app.tasks.conf.model_copy(update={"native": native})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.tasks, "conf", conf)
        assert_exact(market, scenario)


def assert_exact(market: Market, scenario: Scenario) -> None:
    """Play a scenario, then assert that each stage is exact, also after a restore."""
    with market(partitions=2, start=LATER, commit_time=scenario.commit_time) as driver:
        play(driver, scenario)
        truth = judge(driver.records(TICKS))
        assert_candles(driver, truth)
        assert_late_and_dead_letters(driver, truth)
        assert_gains(driver, truth)
        assert_rankings(driver)
        driver.crash(lose_store=True)
        assert_answers(driver, truth)
        driver.settle()
        # Everything was published already.
        assert_candles(driver, truth)
        assert_rankings(driver)


def by_window(driver: TopologyDriver) -> dict[tuple[str, int, int, int], list[Candle]]:
    """Return the committed candles, window by window, in order."""
    found = defaultdict(list)
    for candle in driver.topic(CANDLES):
        found[candle.symbol, candle.size, candle.advance, candle.start].append(candle)
    return found


def assert_candles(driver: TopologyDriver, truth: Truth) -> None:
    """Assert that last candles are right, finals are last and once, and revisions rise."""
    published = by_window(driver)
    assert {window: versions[-1] for window, versions in published.items()} == candles(truth)
    for versions in published.values():
        assert not any(candle.final for candle in versions[:-1])
        for before, after in pairwise(versions):
            assert before.revision < after.revision or before == after


def assert_late_and_dead_letters(driver: TopologyDriver, truth: Truth) -> None:
    """Assert that late ticks and dead letters are written once each, with their coordinates."""
    late = late_ticks(truth)
    assert sorted(map(repr, driver.topic(TICKS_LATE))) == sorted(map(repr, late))
    dead = [
        (letter.topic, letter.partition, letter.offset) for letter in driver.topic(DEAD_LETTERS)
    ]
    assert sorted(dead) == [(TICKS.base_name, *place) for place in truth.bad]


def assert_gains(driver: TopologyDriver, truth: Truth) -> None:
    """Assert that the last gain of each symbol and day is right."""
    last = {(gain.day, gain.symbol): structs.asdict(gain) for gain in driver.topic(DAILY_GAINS)}
    for gain in last.values():
        assert gain.pop("stream_time") <= truth.stream_time[gain["partition"]]
    assert last == gains(truth)


def assert_rankings(driver: TopologyDriver) -> None:
    """Assert that the last ranking of each day is that of all repartitioned gains."""
    gains = driver.records(DAILY_GAINS)
    for kind, topic in zip(ORDERS, (TOP_GAINERS, TOP_LOSERS, MOST_ACTIVE), strict=True):
        last = {ranking.day: ranking for ranking in driver.topic(topic)}
        assert last == rankings(gains, kind)


def assert_answers(driver: TopologyDriver, truth: Truth) -> None:
    """Assert that tables restored from nothing but their changelogs answer the same."""
    right = candles(truth)
    for symbol, size, advance, start in right:
        table = day_table if size == DAY else candle_table
        (answer,) = table.read(symbol, Window(size, advance), start, start + 1)
        assert answer == right[symbol, size, advance, start]
    for name, table in (("candles", candle_table), ("days", day_table)):
        late = Counter(event.tick.symbol for event in truth.late(GRACE[name]))
        assert {
            symbol: table.late_of(symbol) for symbol in SYMBOLS if table.late_of(symbol)
        } == late
        assert sum(table.lateness().values()) == len(truth.events)
    for kind, made in zip(ORDERS, (best, worst, active), strict=True):
        for day, ranking in rankings(driver.records(DAILY_GAINS), kind).items():
            assert ranked(gainer_table, made, day) == ranking
