"""ticks -> surges (minutes that slide with each trade) -> surges (one partition) -> latest-surges.

The first table is partitioned as `ticks`, the second has all symbols in one partition.
"""

from collections.abc import AsyncIterable

from app import app
from app.market.records import Surge
from app.market.settings import settings
from app.market.surges import change, surge
from app.market.topics import SURGES
from eventfold.engine.batch import Batch
from eventfold.windows import WindowResult
from tables.latest_surges import latest_surges
from tables.surges import surges

#: Least change (fraction); read once, because there may be as many minutes as ticks.
LEAST = settings().surge


def large_surge(result: WindowResult) -> Surge | None:
    """Return the record of a minute; None if the price moved less than TICKSTREAM_SURGE."""
    moved = change(result.state)
    return None if moved is None or abs(moved) < LEAST else surge(result)


surges.publish(SURGES, large_surge)

fold_ticks = app.fold(surges)


@app.agent(app.batches(SURGES))
async def keep_latest_surges(batches: AsyncIterable[Batch]) -> None:
    """Fold the surges of all symbols into the latest of each."""
    async for batch in batches:
        await latest_surges.fold(batch)
