"""Day of each symbol, with a grace of hours instead of minutes.

Days are in UTC unless a time zone or an exchange's calendar is set (TICKSTREAM_DAY).

Written by `agents/gainers.py`; read by the web's `/api/candles` for the size of a day.
"""

from app import app
from app.market.settings import settings
from app.market.topics import TICKS
from eventfold.aggregates import ohlc
from eventfold.records.candles import candle

days = app.window_table(
    "days",
    TICKS,
    [settings().day_window],
    ohlc(),
    record=candle,
    grace=settings().day_grace,
    retention=settings().retention,
    # With TICKSTREAM_GAIN_BASE=previous-close a gain is measured from the previous day.
    uses_previous_window=settings().gain_base == "previous-close",
    help="Open, high, low, close, volume of each symbol's day",
    agent=False,
)
