"""Candles of each symbol in all windows but the day: `agents/candles.py` -> `/api/candles`."""

from app import app
from app.market.settings import settings
from app.market.topics import TICKS
from eventfold.aggregates import ohlc
from eventfold.records.candles import candle

candles = app.window_table(
    "candles",
    TICKS,
    settings().candle_windows,
    ohlc(),
    record=candle,
    grace=settings().grace,
    retention=settings().retention,
    help="Open, high, low, close, volume of each symbol, by window",
    agent=False,
)
