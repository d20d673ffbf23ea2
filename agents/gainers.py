"""ticks -> days -> daily-gains (one partition) -> gainers -> top-gainers.

The first step runs where a symbol's ticks are, the second where all symbols meet.
"""

from collections.abc import AsyncIterable

from app import app
from app.calc.candles import late_tick
from app.calc.gains import gain
from app.records import DailyGain
from app.settings import DAY, settings
from app.state.batch import Batch
from app.topics import CANDLES, DAILY_GAINS, TICKS, TICKS_LATE, TOP_GAINERS
from app.windows import WindowResult
from tables.days import days
from tables.gainers import gainers


def daily_gain(result: WindowResult) -> DailyGain:
    """Make the record of a symbol's day so far."""
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
        offset=result.last_offset,
        stream_time=result.stream_time,
    )


days.publish(DAILY_GAINS, daily_gain)
days.refuse(TICKS_LATE, late_tick)
if DAY in settings().windows:
    days.publish(CANDLES)
gainers.publish(TOP_GAINERS)


@app.agent(app.batches(TICKS))
async def fold_days(batches: AsyncIterable[Batch]) -> None:
    """Fold ticks into the days of their symbols."""
    async for batch in batches:
        await days.fold(batch)


@app.agent(app.batches(DAILY_GAINS))
async def rank_gainers(batches: AsyncIterable[Batch]) -> None:
    """Fold the gains of all symbols into the ranking of each day."""
    async for batch in batches:
        await gainers.fold(batch)
