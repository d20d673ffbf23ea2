"""Record of a tick that came too late."""

from app.market.records import LateTick, Tick
from eventfold.windows import Refusal


def late_tick(tick: Tick, refusal: Refusal) -> LateTick:
    """Return the record of a tick that arrived after its table's grace."""
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
