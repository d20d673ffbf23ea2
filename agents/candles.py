"""ticks -> candles (panes) -> candles, ticks-late."""

from app.market.records import late_tick
from app.market.topics import CANDLES, TICKS_LATE
from tables.candles import candles

candles.publish(CANDLES)
candles.late(TICKS_LATE, late_tick)
