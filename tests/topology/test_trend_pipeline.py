"""ticks -> closes -> trends -> trend-signals, exact through worker failures.

The truth: the 5 minutes of all ticks at once, and averages of their closes (tests/trend_truth.py).
"""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from market_truth import Truth, judge, windows_of
from msgspec import structs
from trend_truth import FIVE, GRACE, Followed, follow
from worker_scenarios import LATER, SCENARIOS, SYMBOLS, Scenario, play

from app import app
from app.market.records import Tick
from app.market.topics import CLOSES, TICKS, TREND_SIGNALS
from app.market.trend_records import Trend, TrendSignal
from eventfold.records.candles import Candle
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS
from tables.closes import closes as close_table
from tables.trends import trends as trend_table

TABLES = [close_table, trend_table]

#: Fields that a signal copies from its close.
EXACT = ["start", "end", "close", "partition", "first_offset", "last_offset"]


def final_closes(truth: Truth) -> dict[str, list[Candle]]:
    """Return the final 5 minutes of each symbol, in order."""
    found = defaultdict(list)
    for window in windows_of(truth, FIVE, FIVE, GRACE).values():
        if window.final:
            found[window.symbol].append(window)
    return {symbol: sorted(each, key=lambda c: c.start) for symbol, each in found.items()}


def followed(closes: list[Candle]) -> list[Followed]:
    """Compute the averages after each close."""
    return list(follow(map(structs.asdict, closes)))


@settings(max_examples=40)
@given(SCENARIOS)
def test_trends_are_exact_through_random_worker_failures(scenario: Scenario) -> None:
    """Each final window and each crossing is published once and in order, and nothing else is."""
    with TopologyDriver(
        app, tables=TABLES, partitions=2, start=LATER, commit_time=scenario.commit_time
    ) as driver:
        play(driver, scenario)
        right = final_closes(judge(driver.records(TICKS)))
        assert_closes(driver, right)
        assert_signals(driver, right)
        driver.crash(lose_store=True)
        driver.settle()
        assert_closes(driver, right)
        assert_signals(driver, right)
        assert_trends(right)
        assert {letter.topic for letter in driver.topic(DEAD_LETTERS)} <= {TICKS.base_name}


def assert_closes(driver: TopologyDriver, right: dict[str, list[Candle]]) -> None:
    """Assert that the final 5 minutes of each symbol are there in order, once each."""
    found = defaultdict(list)
    for candle in driver.topic(CLOSES):
        found[candle.symbol].append(candle)
    assert found == right


def assert_signals(driver: TopologyDriver, right: dict[str, list[Candle]]) -> None:
    """Assert that the signals equal those computed with decimals, in the same windows."""
    found = defaultdict(list)
    for signal in driver.topic(TREND_SIGNALS):
        found[signal.symbol].append(signal)
    expected = {
        symbol: [
            (each.signal, each.windows, *map(each.close.__getitem__, EXACT))
            for each in followed(closes)
            if each.signal
        ]
        for symbol, closes in right.items()
    }
    # A price that is always 0 crosses nothing.
    assert {symbol: [key(each) for each in signals] for symbol, signals in found.items()} == {
        symbol: signals for symbol, signals in expected.items() if signals
    }


def key(signal: TrendSignal) -> tuple[Any, ...]:
    """Return the exact fields of a signal."""
    return signal.signal, signal.windows, *(getattr(signal, name) for name in EXACT)


def assert_trends(right: dict[str, list[Candle]]) -> None:
    """Assert that queries return the averages after the last window, and the last three signals."""
    for symbol in SYMBOLS:
        trend = trend_table.state_of(symbol)
        if symbol not in right:
            assert trend is None
            continue
        history = followed(right[symbol])
        last = right[symbol][-1]
        assert (trend.end, trend.close, trend.windows) == (last.end, last.close, len(history))
        assert trend.ema38 == pytest.approx(float(history[-1].short), rel=1e-12)
        assert trend.ema100 == pytest.approx(float(history[-1].long), rel=1e-12)
        expected = [(each.close["start"], each.signal) for each in history if each.signal]
        assert [(signal.start, signal.signal) for signal in trend.signals] == expected[-3:]


def pipe(driver: TopologyDriver, *moves: tuple[int, float]) -> None:
    """Pipe ticks of A: ms after the start, price."""
    for time, price in moves:
        driver.pipe(TICKS, Tick("A", price, START + time), timestamp=START + time)
    driver.settle()


def trend() -> Trend:
    """Return the trend of A."""
    return trend_table.state_of("A")


def test_window_without_ticks_keeps_averages_and_makes_no_signal() -> None:
    """After half a day without a trade the next close is the third one."""
    with TopologyDriver(app, tables=TABLES, partitions=1, start=LATER) as driver:
        pipe(driver, (0, 100.0), (FIVE + GRACE, 100.0))
        (before,) = driver.topic(TREND_SIGNALS)
        assert (trend().windows, before.signal) == (1, "buy")
        pipe(driver, (150 * FIVE, 100.0), (151 * FIVE + GRACE, 90.0))
        assert trend().windows == 3
        assert trend().ema38 == pytest.approx(100 * (1 - (37 / 39) ** 3))
        assert driver.topic(TREND_SIGNALS) == [before]


def test_close_is_published_after_grace_with_late_ticks_within_it() -> None:
    """A tick after the grace changes no published close."""
    with TopologyDriver(app, tables=TABLES, partitions=1) as driver:
        pipe(driver, (0, 100.0), (FIVE + GRACE - 1, 50.0))
        assert driver.topic(CLOSES) == []
        pipe(driver, (FIVE - 1, 80.0), (FIVE + GRACE, 60.0))
        assert [close.close for close in driver.topic(CLOSES)] == [80.0]
        assert trend().ema38 == pytest.approx(80.0 * 2 / 39)
        pipe(driver, (FIVE - 1, 10.0))
        assert [close.close for close in driver.topic(CLOSES)] == [80.0]
        assert close_table.late_of("A") == 1


def test_signal_carries_its_source_coordinates() -> None:
    """The header has those of its close, the fields those of its ticks."""
    with TopologyDriver(app, tables=TABLES, partitions=1) as driver:
        pipe(driver, (0, 100.0), (1, 101.0), (FIVE + GRACE, 60.0))
        (record,) = driver.records(TREND_SIGNALS)
        assert dict(record.headers) == {"source": b"closes-0-0"}
        (signal,) = driver.topic(TREND_SIGNALS)
        assert (signal.partition, signal.first_offset, signal.last_offset) == (0, 0, 1)
