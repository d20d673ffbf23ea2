"""ticks -> closes (the final 5 minutes of each symbol) -> closes -> trends -> trend-signals.

Both tables are co-partitioned with `ticks`, as is the topic `closes`.
"""

from collections.abc import AsyncIterable

from app import app
from app.market.topics import CLOSES, TICKS
from eventfold.engine.batch import Batch
from tables.closes import closes
from tables.trends import trends

closes.publish(CLOSES)


@app.agent(app.batches(TICKS))
async def fold_closes(batches: AsyncIterable[Batch]) -> None:
    """Fold ticks into the 5 minutes of their symbols."""
    async for batch in batches:
        await closes.fold(batch)


@app.agent(app.batches(CLOSES))
async def follow_trends(batches: AsyncIterable[Batch]) -> None:
    """Fold closes into the moving averages of their symbols."""
    async for batch in batches:
        await trends.fold(batch)
