"""Minute of each symbol up to each second in which it traded.

Published only when final, and only if the price moved much, so that no result is ever retracted.
Therefore its grace is short; later ticks are only counted.

Written by `agents/surges.py`; read by the web's `/api/windows/surges`.
"""

from app import app
from app.market.settings import settings
from app.market.surges import surge
from app.market.topics import TICKS
from eventfold.aggregates import ohlc
from eventfold.windows import on_close, sliding

HOUR = 3_600_000

surges = app.window_table(
    "surges",
    TICKS,
    sliding("1m", "1s"),
    ohlc(),
    record=surge,
    grace=settings().surge_grace,
    # A pane per second and symbol is much state; older times are in the candles.
    retention=settings().surge_grace + HOUR,
    emit=on_close(),
    help="The minute of each symbol up to each second in which it traded",
    agent=False,
)
