"""ticks -> candles (panes) -> candles, ticks-late."""

from collections.abc import AsyncIterable

from app import app
from app.records import LateTick, Tick
from app.state.batch import Batch
from app.state.pane_state import Refusal
from app.topics import CANDLES, TICKS, TICKS_LATE
from tables.candles import candle, candles


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


candles.publish(CANDLES, candle)
candles.refuse(TICKS_LATE, late_tick)


@app.agent(app.batches(TICKS))
async def fold_candles(batches: AsyncIterable[Batch]) -> None:
    """Fold ticks into the candles of their symbols."""
    async for batch in batches:
        await candles.fold(batch)
