"""Moving averages of closes and their crossings, without a stream around them."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.market.records import Trend, TrendSignal
from app.market.trends import LONG, SHORT, Trends, alpha
from eventfold.records.candles import Candle

FIVE = 300_000
#: 2026-01-31T00:00:00Z.
START = 1_769_817_600_000

PRICES = st.floats(1e-6, 1e12, allow_subnormal=False) | st.integers(1, 10**6).map(
    lambda cents: cents / 100
)


class RecordingContext:
    """A processor context that only records the signals sent."""

    def __init__(self) -> None:
        self.signals: list[Any] = []

    def send(self, record: Any) -> None:
        """Record a signal."""
        self.signals.append(record)


def close(number: int, price: float) -> Candle:
    """Return the final 5 minutes number `number`, all at one price."""
    start = START + number * FIVE
    prices = dict.fromkeys(["open", "high", "low", "close", "mean"], price)
    source = {"partition": 3, "first_offset": 10 * number, "last_offset": 10 * number + 9}
    counts = {"volume": 10, "vwap": price, "count": 10, "revision": 1, "final": True, "late": 0}
    times = {"size": FIVE, "advance": FIVE, "start": start, "end": start + FIVE}
    return Candle(symbol="A", **times, **prices, **source, **counts)


def fold_closes(prices: Iterable[float]) -> tuple[list[Trend], list[TrendSignal]]:
    """Fold closes of these prices; return the trend after each, and all signals."""
    processor, context, state, trends = Trends(), RecordingContext(), None, []
    for number, price in enumerate(prices):
        state = processor.on_record(state, close(number, price), context)
        trends.append(state)
    return trends, context.signals


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
def test_averages_lie_between_the_prices(prices: list[float]) -> None:
    """And the initial 0, for prices that are negative, 0, or further apart than a float holds."""
    trends, _ = fold_closes(prices)
    low, high = min([0.0, *prices]), max([0.0, *prices])
    for trend in trends:
        assert low <= trend.ema38 <= high or trend.ema38 == pytest.approx(low)
        assert low <= trend.ema100 <= high


def test_averages_of_negative_prices_cross_as_well() -> None:
    """A start below 0 is a sell signal, a rise above the averages a buy signal."""
    _, signals = fold_closes([-5.0] * 1_000 + [-1.0] * 10)
    assert [each.signal for each in signals] == ["sell", "buy"]


@settings(max_examples=30)
@given(PRICES)
def test_averages_approach_a_constant_price_and_cross_once(price: float) -> None:
    """EMA_n = P (1 - (1 - alpha)^n); one buy, in the first window, and no other for a month."""
    trends, signals = fold_closes([price] * 8_640)
    assert [(each.signal, each.start) for each in signals] == [("buy", START)]
    for windows in (1, 2, 38, 100, 1_000, 8_640):
        trend = trends[windows - 1]
        assert trend.windows == windows
        for found, closes in ((trend.ema38, SHORT), (trend.ema100, LONG)):
            assert found == pytest.approx(price * (1 - (1 - alpha(closes)) ** windows), rel=1e-12)


@settings(max_examples=30)
@given(PRICES, st.floats(0.01, 0.99), st.integers(1, 400))
def test_a_drop_of_the_price_is_exactly_one_sell_signal(
    price: float, part: float, before: int
) -> None:
    """However long the price had been up, and for as long as it stays below the averages."""
    trends, _ = fold_closes([price] * before)
    lower = part * trends[-1].ema100
    _, signals = fold_closes([price] * before + [lower] * 3_000)
    assert [each.signal for each in signals] == ["buy", "sell"]
    assert signals[1].start >= START + before * FIVE


def test_signal_has_its_averages_window_offsets_and_explanation() -> None:
    """The averages before and after the close, the offsets of the ticks, and a sentence."""
    trends, signals = fold_closes([100.0] * 200 + [50.0] * 200)
    sell = signals[-1]
    number = next(i for i, each in enumerate(trends) if i and each.ema38 < each.ema100)
    assert (sell.signal, sell.start, sell.windows) == ("sell", START + number * FIVE, number + 1)
    assert (sell.before38, sell.before100) == (trends[number - 1].ema38, trends[number - 1].ema100)
    assert (sell.ema38, sell.ema100) == (trends[number].ema38, trends[number].ema100)
    offsets = 10 * number, 10 * number + 9
    assert (sell.partition, sell.first_offset, sell.last_offset) == (3, *offsets)
    assert sell.explanation.startswith("with a close of 50, EMA38 (")
    assert ") fell below EMA100 (" in sell.explanation
    assert "; before it was not below it (" in sell.explanation


def test_the_last_three_signals_are_kept() -> None:
    """The newest last."""
    swings = [price for _ in range(4) for price in [100.0] * 150 + [50.0] * 150]
    trends, signals = fold_closes(swings)
    assert [each.signal for each in signals] == ["buy", "sell"] * 4
    assert trends[-1].signals == signals[-3:]
    assert trends[0].signals == signals[:1]


def test_close_at_or_before_the_last_one_is_rejected() -> None:
    """It would change an average that is already published."""
    processor, context = Trends(), RecordingContext()
    state = processor.on_record(None, close(5, 10.0), context)
    for number in (4, 5):
        with pytest.raises(ValueError, match=r"a close of \d+ after that of"):
            processor.on_record(state, close(number, 10.0), context)
    assert (state.windows, state.ema38) == (1, alpha(SHORT) * 10.0)
