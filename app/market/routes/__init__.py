"""HTTP routes of the market."""

from functools import partial
from http import HTTPStatus
from typing import Any

from app.market.rankings import active, best, newest_surges, ranked, worst
from app.market.records import MostActive, Surge, TopGainers, TopLosers, Trend
from app.market.routes import candles
from eventfold.engine.keyed_table import KeyedTable
from eventfold.records.candles import Candle
from eventfold.web import parameters as p
from eventfold.web.query.alerts import key_route
from eventfold.web.routes import ASKING, Route


def _day(values: p.Values) -> str:
    day = values.get("day")
    return f"day {day}" if day else "day: nothing has been ranked yet"


_gainers: Any = partial(key_route, table="gainers", pipeline="gainers", what=_day)
_ranking: Any = partial(
    _gainers, missing="no gainers are ranked here", key="day", parameters=(p.DAY, p.STALE)
)

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
    _ranking(
        "/api/top-gainers",
        TopGainers,
        "The ten best of a day, the best first",
        lambda table, values: ranked(table, best, values["day"]),
        operation="gainers_top_gainers",
    ),
    _gainers(
        "/api/days",
        list[str],
        "The days that are ranked, oldest first",
        lambda table, _: table.period_names() or None,
        missing="no day is ranked here",
        operation="days",
        parameters=(p.STALE,),
    ),
    _ranking(
        "/api/top-losers",
        TopLosers,
        "The ten worst of a day, the worst first",
        lambda table, values: ranked(table, worst, values["day"]),
        operation="gainers_top_losers",
    ),
    _ranking(
        "/api/most-active",
        MostActive,
        "The ten of a day with the largest volume, the largest first",
        lambda table, values: ranked(table, active, values["day"]),
        operation="gainers_most_active",
    ),
    key_route(
        "/api/surges",
        list[Surge],
        "The latest surge of each symbol, the newest first",
        lambda table, values: newest_surges(table, values["limit"]),
        table="latest-surges",
        pipeline="surges",
        missing="no surges are kept here",
        what=lambda _: "surges",
        operation="surges",
        parameters=(p.limit("How many at most", default=10, most=1000), p.STALE),
    ),
    key_route(
        "/api/trends/{symbol}",
        Trend,
        "The moving averages of a symbol's closes, and their last three crossings, newest last",
        lambda table, values: table.state_of(values["symbol"]),
        table="trends",
        kind=KeyedTable,
        pipeline="trends",
        missing="no trends are followed here",
        what=lambda values: f"symbol {values['symbol']!r}",
        key="symbol",
        operation="trends",
        parameters=(p.path("symbol", "The symbol, as it stands in ticks"), p.STALE),
    ),
)
