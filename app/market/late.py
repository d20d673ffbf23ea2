"""Record of a tick that came too late."""

from app.market.records import LateTick, Tick
from eventfold.windows import Rejection


def late_tick(tick: Tick, rejection: Rejection) -> LateTick:
    """Return the record of a tick that arrived after its table's grace."""
    return LateTick(
        tick.symbol,
        tick.price,
        tick.time,
        tick.size,
        rejection.reason,
        rejection.stream_time,
        rejection.grace,
        rejection.partition,
        rejection.offset,
        rejection.table,
    )
