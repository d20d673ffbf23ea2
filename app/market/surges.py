"""Surges: how much a price moved within the minute up to a trade."""

from app.market.gains import gain
from app.market.records import Surge
from eventfold.aggregates.ohlc import OhlcState
from eventfold.windows import WindowResult


def change(prices: OhlcState) -> float | None:
    """Return the change from the first price to the last, as a fraction; None as `gain` does."""
    return gain(prices.open, prices.close)


def surge(result: WindowResult) -> Surge:
    """Return the record of one window of trades, however little the price moved."""
    prices = result.state
    return Surge(
        symbol=result.key,
        start=result.start,
        end=result.end,
        open=prices.open,
        high=prices.high,
        low=prices.low,
        last=prices.close,
        change=change(prices),
        volume=prices.volume,
        count=result.count,
        revision=result.revision,
        final=result.final,
        late=result.late,
        partition=result.partition,
        first_offset=result.first_offset,
        last_offset=result.last_offset,
    )
