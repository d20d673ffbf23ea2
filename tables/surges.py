"""The minute of each symbol up to each second in which it traded.

Published on close only, and only where the price moved much: nothing that was said has ever to be
taken back. So its grace is short; what comes later is counted, and nothing else.

Written by `agents/surges.py`; read by the web's `/api/windows/surges`.
"""

from app import app
from app.market.surges import surge
from app.market.topics import TICKS
from app.settings import settings
from eventfold.aggregates import Ohlc
from eventfold.engine.window_table import WindowTable
from eventfold.windows import on_close, sliding

HOUR = 3_600_000

surges = WindowTable(
    app,
    name="surges",
    source=TICKS,
    windows=sliding("1m", "1s"),
    aggregate=Ohlc(),
    record=surge,
    grace=settings().surge_grace,
    # A pane for each second of each symbol is much: what is older, candles have.
    retention=settings().surge_grace + HOUR,
    emission=on_close(),
    help="The minute of each symbol up to each second in which it traded",
)
