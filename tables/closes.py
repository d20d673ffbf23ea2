"""5-minute windows of each symbol, each published once, when it is final.

It is separate from the candles because it has its own grace, which delays the signals. One pane of
each symbol is in memory; windows older than the hour of retention are in the candles.

Written by `agents/trends.py`; read by the web's `/api/windows/closes`.
"""

from app import app
from app.market.settings import settings
from app.market.topics import TICKS
from eventfold.aggregates import ohlc
from eventfold.records.candles import candle
from eventfold.windows import on_close

HOUR = 3_600_000

closes = app.window_table(
    "closes",
    TICKS,
    "5m",
    ohlc(),
    record=candle,
    grace=settings().trend_grace,
    retention=settings().trend_grace + HOUR,
    emit=on_close(),
    help="Each symbol's 5 minutes, once they are final: their closes make its trend",
    agent=False,
)
