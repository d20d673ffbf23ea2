"""Candle: the record of one window of prices, which the native extension writes too."""

from msgspec import Struct

from eventfold.aggregates.ohlc import OhlcState
from eventfold.records.fields import Integer, Name
from eventfold.windows import WindowResult

#: Prices of a window without trades: infinite ones, as in an empty state, are null in JSON.
_NO_PRICES = OhlcState(high=0.0, low=0.0)


class Candle(Struct, frozen=True, gc=False):
    """One window of a symbol. Of two with the same window, the higher `revision` is valid.

    `volume` is an integer if all sizes are. `vwap` is null if there is no volume, `mean` if there
    are no trades; both are null if their sum overflows a float. The prices of a retracted session,
    which has no trades, are 0.
    """

    symbol: Name
    size: Integer
    advance: Integer
    start: Integer
    end: Integer
    open: float
    high: float
    low: float
    close: float
    volume: Integer | float
    vwap: float | None
    count: Integer
    mean: float | None
    revision: Integer
    final: bool
    late: Integer
    partition: Integer
    first_offset: Integer
    last_offset: Integer


def candle(result: WindowResult) -> Candle:
    """Return the candle of one window."""
    window, count = result.window, result.count
    prices = result.state if count else _NO_PRICES
    volume = prices.volume
    # By position, in the order of Candle's fields, for speed: one is made for every result.
    return Candle(
        result.key,
        window.size,
        window.advance,
        result.start,
        result.end,
        prices.open,
        prices.high,
        prices.low,
        prices.close,
        volume,
        prices.notional / volume if volume else None,
        count,
        prices.total / count if count else None,
        result.revision,
        result.final,
        result.late,
        result.partition,
        result.first_offset,
        result.last_offset,
    )
