"""ticks -> surges (minutes that slide with each trade) -> surges (one partition) -> latest-surges.

The first step runs where a symbol's ticks are, the second where all symbols meet.
"""

from collections.abc import AsyncIterable

from app import app
from app.market.records import Surge
from app.market.surges import change, surge
from app.market.topics import SURGES, TICKS
from app.settings import settings
from eventfold.engine.batch import Batch
from eventfold.windows import WindowResult
from tables.latest_surges import latest_surges
from tables.surges import surges

#: Fraction; asked of every minute, of which there are as many as ticks at worst.
LEAST = settings().surge


def large_surge(result: WindowResult) -> Surge | None:
    """Make the record of a minute; None where the price moved less than TICKSTREAM_SURGE."""
    moved = change(result.state)
    return None if moved is None or abs(moved) < LEAST else surge(result)


surges.publish(SURGES, large_surge)


@app.agent(app.batches(TICKS))
async def fold_surges(batches: AsyncIterable[Batch]) -> None:
    """Fold ticks into the minutes of their symbols."""
    async for batch in batches:
        await surges.fold(batch)


@app.agent(app.batches(SURGES))
async def keep_latest_surges(batches: AsyncIterable[Batch]) -> None:
    """Fold the surges of all symbols into the latest of each."""
    async for batch in batches:
        await latest_surges.fold(batch)
