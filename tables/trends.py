"""Averages and crossings of each symbol: `agents/trends.py` -> `/api/trends`."""

from app import app
from app.market.records import Trend
from app.market.settings import DAY
from app.market.topics import CLOSES, TREND_SIGNALS
from app.market.trends import Trends

trends = app.processor(
    CLOSES,
    name="trends",
    state=Trend,
    outputs=[TREND_SIGNALS],
    # An average has to outlast pauses of trading; after a year without trades it starts anew.
    retention=366 * DAY.size,
    help="Moving averages of each symbol's 5-minute closes, and when they cross",
    agent=False,
)(Trends())
