"""Records of the market's windows: candles and late ticks."""

from app.market.records import Candle, LateTick, Tick
from eventfold.windows import Refusal, WindowResult


def candle(result: WindowResult) -> Candle:
    """Return the candle of one window."""
    prices, window, count = result.state, result.window, result.count
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
        prices.total / count,
        result.revision,
        result.final,
        result.late,
        result.partition,
        result.first_offset,
        result.last_offset,
    )


def late_tick(tick: Tick, refusal: Refusal) -> LateTick:
    """Return the record of a tick that arrived after its table's grace."""
    return LateTick(
        tick.symbol,
        tick.price,
        tick.time,
        tick.size,
        refusal.reason,
        refusal.stream_time,
        refusal.grace,
        refusal.partition,
        refusal.offset,
        refusal.table,
    )
