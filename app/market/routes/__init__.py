"""HTTP routes of the market."""

from http import HTTPStatus

from app.market.records import MostActive, Surge, TopGainers, TopLosers
from app.market.routes import candles, days, gainers, surges, trends
from app.market.trend_records import Trend
from eventfold.records.candles import Candle
from eventfold.web import parameters as p
from eventfold.web.routes import ASKING, Route

ROUTES = (
    Route(
        "/api/candles/{symbol}",
        candles.candles,
        "The windows of a symbol, newest last",
        list[Candle],
        parameters=(
            p.path("symbol", "The symbol, as it stands in ticks"),
            p.SIZE,
            p.ADVANCE,
            p.POINTS,
            p.FROM,
            p.TO,
            p.START,
            p.limit("Maximum number of windows, the newest of them", default=100, most=5000),
            p.STALE,
        ),
        statuses=ASKING,
    ),
    Route(
        "/api/symbols",
        candles.symbols,
        "The symbols there are, in order",
        list[str],
        parameters=(
            p.Parameter("prefix", "Only those that begin so, in upper or lower case", default=""),
            p.Parameter("after", "Only those behind this one: the last of a page", default=""),
            p.limit("How many at most", default=100, most=10_000),
            p.STALE,
            p.PARTIAL,
        ),
        statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Route(
        "/api/top-gainers",
        gainers.top_gainers,
        "The ten best of a day, the best first",
        TopGainers,
        parameters=(p.DAY, p.STALE),
        statuses=ASKING,
    ),
    Route(
        "/api/days",
        days.days,
        "The days that are ranked, oldest first",
        list[str],
        parameters=(p.STALE,),
        statuses=ASKING,
    ),
    Route(
        "/api/top-losers",
        gainers.top_losers,
        "The ten worst of a day, the worst first",
        TopLosers,
        parameters=(p.DAY, p.STALE),
        statuses=ASKING,
    ),
    Route(
        "/api/most-active",
        gainers.most_active,
        "The ten of a day with the largest volume, the largest first",
        MostActive,
        parameters=(p.DAY, p.STALE),
        statuses=ASKING,
    ),
    Route(
        "/api/surges",
        surges.surges,
        "The latest surge of each symbol, the newest first",
        list[Surge],
        parameters=(p.limit("How many at most", default=10, most=1000), p.STALE),
        statuses=ASKING,
    ),
    Route(
        "/api/trends/{symbol}",
        trends.trends,
        "The moving averages of a symbol's closes, and their last three crossings, newest last",
        Trend,
        parameters=(p.path("symbol", "The symbol, as it stands in ticks"), p.STALE),
        statuses=ASKING,
    ),
)
