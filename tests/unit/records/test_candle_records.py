"""Candles of windows with and without trades can be written and read."""

import msgspec
import pytest

from eventfold.aggregates.ohlc import Ohlc
from eventfold.records.candles import Candle, candle
from eventfold.records.trades import Trade
from eventfold.windows import WindowResult, session


@pytest.mark.parametrize(("count", "high", "mean"), [(0, 0.0, None), (1, 2.5, 2.5)])
def test_candle_of_any_number_of_trades_is_read_as_it_was_written(
    count: int, high: float, mean: float | None
) -> None:
    """A retracted session has none."""
    state = Ohlc().zero()
    if count:
        Ohlc().add(state, Trade("A", 2.5, 60_000, 4), 60_000, 7)
    result = WindowResult(
        *("A", session("5m"), 60_000, 60_000, state, count, 7, 7, 0, True, 16, 0, 60_000),
        before=lambda _key, _start: None,
    )
    made = candle(result)
    assert (made.high, made.mean, made.count) == (high, mean, count)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Candle) == made
