"""Candles of each symbol, in every window of `TICKSTREAM_WINDOWS` but the day.

Written by `agents/candles.py`; read by the web's `/api/candles`.
"""

from app import app
from app.records import Candle
from app.settings import settings
from app.state.pane_state import WindowResult
from app.state.window_table import WindowTable
from app.topics import TICKS
from app.windows import Ohlc


def candle(result: WindowResult) -> Candle:
    """Make the record of one window."""
    prices = result.state
    return Candle(
        symbol=result.key,
        size=result.window.size,
        advance=result.window.advance,
        start=result.start,
        end=result.end,
        open=prices.open,
        high=prices.high,
        low=prices.low,
        close=prices.close,
        volume=prices.volume,
        vwap=prices.vwap,
        count=result.count,
        mean=prices.total / result.count,
        revision=result.revision,
        final=result.final,
        late=result.late,
        partition=result.partition,
        first_offset=result.first_offset,
        last_offset=result.last_offset,
    )


candles = WindowTable(
    app,
    name="candles",
    source=TICKS,
    windows=settings().candle_windows,
    aggregate=Ohlc(),
    record=candle,
    grace=settings().grace,
    retention=settings().retention,
    help="Open, high, low, close, volume of each symbol, by window",
)
