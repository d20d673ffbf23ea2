"""The records of windows of trades."""

from app.records import Candle, LateTick, Tick
from app.windows import Refusal, WindowResult


def candle(result: WindowResult) -> Candle:
    """Make the record of one window."""
    prices = result.state
    return Candle(
        symbol=result.key,
        size=result.window.size,
        advance=result.window.advance,
        start=result.start,
        end=result.end,
        open=prices.open,
        high=prices.high,
        low=prices.low,
        close=prices.close,
        volume=prices.volume,
        vwap=prices.vwap,
        count=result.count,
        mean=prices.total / result.count,
        revision=result.revision,
        final=result.final,
        late=result.late,
        partition=result.partition,
        first_offset=result.first_offset,
        last_offset=result.last_offset,
    )


def late_tick(tick: Tick, refusal: Refusal) -> LateTick:
    """Make the record of a tick that came after its table's grace."""
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
