"""ticks -> days -> daily-gains (one partition) -> gainers -> top-gainers, top-losers, most-active.

The first table is partitioned as `ticks`, the second has all symbols in one partition. With
TICKSTREAM_RANKING_STAGES=2 there is a stage between them: days -> partition-gains -> contenders ->
best-gains (one partition) -> gainers.
"""

from collections.abc import AsyncIterable

from app import app
from app.market.gains import gain
from app.market.rankings import active, worst
from app.market.records import DailyGain
from app.market.settings import DAY, settings
from app.market.topics import (
    BEST_GAINS,
    CANDLES,
    DAILY_GAINS,
    MOST_ACTIVE,
    PARTITION_GAINS,
    TICKS_LATE,
    TOP_GAINERS,
    TOP_LOSERS,
)
from eventfold.engine.batch import Batch
from eventfold.windows import WindowResult
from tables.contenders import rank_partitions
from tables.days import days
from tables.gainers import gainers


def daily_gain(result: WindowResult) -> DailyGain:
    """Return the record of a symbol's day so far."""
    prices = result.state
    before = result.previous() if settings().gain_base == "previous-close" else None
    base = prices.open if before is None else before.close
    return DailyGain(
        symbol=result.key,
        day=settings().day_name(result.start),
        open=prices.open,
        last=prices.close,
        low=prices.low,
        high=prices.high,
        gain=gain(base, prices.close),
        count=result.count,
        time=prices.close_time,
        final=result.final,
        partition=result.partition,
        offset=result.newest_offset,
        stream_time=result.stream_time,
        volume=prices.volume,
    )


IN_TWO_STAGES = settings().ranking_stages == 2

days.publish(PARTITION_GAINS if IN_TWO_STAGES else DAILY_GAINS, daily_gain)
days.late(TICKS_LATE)
if DAY in settings().windows:
    days.publish(CANDLES)
gainers.publish(TOP_GAINERS)
gainers.publish(TOP_LOSERS, worst)
gainers.publish(MOST_ACTIVE, active)

fold_ticks = app.fold(days)


if IN_TWO_STAGES:
    contenders = rank_partitions(app)
    contenders.publish(BEST_GAINS)

    @app.agent(app.batches(PARTITION_GAINS))
    async def rank_contenders(batches: AsyncIterable[Batch]) -> None:
        """Fold the gains of one partition's symbols into its best of each day."""
        async for batch in batches:
            await contenders.fold(batch)


@app.agent(app.batches(gainers.source))
async def rank_gainers(batches: AsyncIterable[Batch]) -> None:
    """Fold the gains of all symbols, or of the contenders, into the rankings of each day."""
    async for batch in batches:
        await gainers.fold(batch)
