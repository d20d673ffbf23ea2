"""Prices of 0 and below, fractional sizes, numbers as text: right results in every pipeline."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app import app
from app.market.topics import (
    CANDLES,
    CLOSES,
    DAILY_GAINS,
    MOST_ACTIVE,
    SURGES,
    TICKS,
    TICKS_LATE,
    TOP_GAINERS,
    TOP_LOSERS,
    TREND_SIGNALS,
)
from eventfold.native import extension
from eventfold.records.candles import Candle
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS

MINUTE = 60_000


@pytest.fixture(params=["pure", "native"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run every pipeline over one partition, with the extension and without."""
    if request.param == "native" and extension() is None:
        pytest.skip("the native extension is not installed: make native")
    # The driver's workers choose native code by their settings.
    conf = app.tasks.conf.model_copy(update={"native": request.param == "native"})
    monkeypatch.setattr(app.tasks, "conf", conf)
    with TopologyDriver(app, partitions=1) as running:
        yield running


def pipe(driver: TopologyDriver, symbol: str, *trades: tuple[Any, Any, int]) -> None:
    """Write ticks as (price, size, seconds after midnight); a size of `...` is left out."""
    midnight = driver.now // 86_400_000 * 86_400_000
    for price, size, seconds in trades:
        tick = {"symbol": symbol, "price": price, "time": midnight + seconds * 1_000}
        if size is not ...:
            tick["size"] = size
        driver.pipe_raw(TICKS, symbol.encode(), msgspec.json.encode(tick))


def last_candles(driver: TopologyDriver) -> dict[str, Candle]:
    """Return the newest revision of each symbol's first minute."""
    return {
        c.symbol: c for c in driver.topic(CANDLES) if (c.size, c.start % 86_400_000) == (MINUTE, 0)
    }


def test_only_days_with_a_positive_open_are_ranked_by_gain(driver: TopologyDriver) -> None:
    """The other days are ranked by volume only, and their candles are like any."""
    pipe(driver, "UP", (2, 1, 0), (3, 1, 1))
    pipe(driver, "DOWN", ("4.0", "2", 0), ("-1.0", None, 1))
    pipe(driver, "ZERO", (0, 7.5, 0), (5, ..., 1))
    pipe(driver, "OIL", (-37.63, 4, 0), (10.01, 5, 1))
    driver.settle()
    gains = {each.symbol: each for each in driver.topic(DAILY_GAINS)}
    assert {symbol: each.gain for symbol, each in gains.items()} == {
        "UP": 0.5,
        "DOWN": -1.25,
        "ZERO": None,
        "OIL": None,
    }
    assert (gains["OIL"].open, gains["OIL"].low, gains["OIL"].last) == (-37.63, -37.63, 10.01)
    assert b'"gain":null' in driver.records(DAILY_GAINS)[-1].value
    ranks = {
        topic.base_name: [each.symbol for each in driver.topic(topic)[-1].rank]
        for topic in (TOP_GAINERS, TOP_LOSERS, MOST_ACTIVE)
    }
    assert ranks == {
        "top-gainers": ["UP", "DOWN"],
        "top-losers": ["DOWN", "UP"],
        "most-active": ["OIL", "ZERO", "DOWN", "UP"],
    }
    assert driver.topic(DEAD_LETTERS) == []


def test_volume_is_an_integer_until_a_fractional_size_is_added(driver: TopologyDriver) -> None:
    """It is exact beyond 2^53; the vwap weighs with both, and is null where all sizes are 0."""
    pipe(driver, "SHARES", (2, 2**53, 0), (4, "1", 1))
    pipe(driver, "COINS", ("2.0", 1, 0), ("-4.0", "0.5", 1))
    pipe(driver, "QUOTES", (0, "0.0", 0), (-1, None, 1))
    driver.settle()
    found = last_candles(driver)
    assert repr(found["SHARES"].volume) == repr(2**53 + 1)
    assert (repr(found["COINS"].volume), found["COINS"].vwap, found["COINS"].mean) == ("1.5", 0, -1)
    assert (found["QUOTES"].vwap, found["QUOTES"].mean) == (None, -0.5)
    assert (found["QUOTES"].high, found["QUOTES"].low) == (0, -1)


def test_overflowing_sum_is_null_and_other_fields_are_exact(driver: TopologyDriver) -> None:
    """Prices, counts and results computed from the closes are still published."""
    pipe(driver, "HUGE", (1.7e308, 2, 0), (1.7e308, 2, 1), (-1.7e308, 3, 2))
    pipe(driver, "HUGE", (1, 1, 3_600))
    driver.settle()
    huge = last_candles(driver)["HUGE"]
    assert (huge.high, huge.low, huge.count, huge.volume) == (1.7e308, -1.7e308, 3, 7)
    assert (huge.mean, huge.vwap) == (None, None)
    assert [each.close for each in driver.topic(CLOSES)][:1] == [-1.7e308]
    assert driver.topic(TREND_SIGNALS)[0].signal == "sell"
    assert driver.topic(DEAD_LETTERS) == []


def test_surge_needs_a_positive_first_price(driver: TopologyDriver) -> None:
    """A move from 0 or below is not a fraction of anything."""
    pipe(driver, "A", (0, 1, 0), (5, 1, 1), (5, 1, 120))
    pipe(driver, "B", (-5, 1, 120), (5, 1, 121))
    pipe(driver, "C", (5, 0.5, 121), (-5, 0.5, 122), (5, 1, 300))
    driver.settle()
    assert [(each.symbol, each.change, each.volume) for each in driver.topic(SURGES)][:1] == [
        ("C", -2.0, 1.0)
    ]


def test_late_tick_keeps_its_fractional_numbers(driver: TopologyDriver) -> None:
    """They are as they were read: a fraction stays one, text becomes a number."""
    pipe(driver, "A", (1, 1, 3_600), ("-2.5", "0.25", 0))
    driver.settle()
    late = {each.table: each for each in driver.topic(TICKS_LATE)}["candles"]
    assert (late.price, late.size) == (-2.5, 0.25)


@pytest.mark.parametrize("price", [b"NaN", b'"NaN"', b'"Infinity"', b"1e999", b"null"])
def test_price_that_is_not_finite_is_a_dead_letter(driver: TopologyDriver, price: bytes) -> None:
    """The dead letter has its coordinates; its neighbours count."""
    pipe(driver, "A", (1, 1, 0))
    value = b'{"symbol":"A","price":%s,"time":%d}' % (price, driver.now)
    driver.pipe_raw(TICKS, b"A", value)
    pipe(driver, "A", (2, 1, 1))
    driver.settle()
    dead = [(each.topic, each.offset, each.value) for each in driver.topic(DEAD_LETTERS)]
    assert dead == [("ticks", 1, value)]
    assert last_candles(driver)["A"].count == 2
