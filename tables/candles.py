"""Candles of each symbol in all windows but the day: `agents/candles.py` -> `/api/candles`."""

from app import app
from app.market.settings import settings
from app.market.topics import TICKS
from eventfold.aggregates import Ohlc
from eventfold.engine.window_table import WindowTable
from eventfold.records.candles import candle

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
