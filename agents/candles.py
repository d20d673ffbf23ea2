"""ticks -> candles (panes) -> candles, ticks-late."""

from collections.abc import AsyncIterable

from app import app
from app.market.topics import CANDLES, TICKS, TICKS_LATE
from eventfold.engine.batch import Batch
from tables.candles import candles

candles.publish(CANDLES)
candles.late(TICKS_LATE)


# As `app.fold(candles)` declares it, which the other agents use.
@app.agent(app.batches(TICKS), name="fold_candles")
async def fold_candles(batches: AsyncIterable[Batch]) -> None:
    """Fold ticks into the candles of their symbols."""
    async for batch in batches:
        await candles.fold(batch)
