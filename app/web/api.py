"""ALL paths a worker answers, in the order a reader meets them; Faust's own come beside them."""

from http import HTTPStatus
from typing import Any

from app.records import Candle, MostActive, Surge, TopGainers, TopLosers, Trend
from app.web import (
    candles,
    dashboard,
    gainers,
    health,
    lateness,
    openapi,
    surges,
    tables,
    trends,
    windows,
)
from app.web import parameters as p
from app.web.routes import Route

_ASKING = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)

ROUTES = (
    Route("/", dashboard.dashboard, "The dashboard", media="text/html"),
    Route(
        "/api/candles/{symbol}",
        candles.candles,
        "The windows of a symbol, newest last",
        list[Candle],
        parameters=(
            p.path("symbol", "The symbol, as it stands in ticks"),
            p.SIZE,
            p.ADVANCE,
            p.FROM,
            p.TO,
            p.limit("How many windows at most, the newest of them", default=100, most=5000),
        ),
        statuses=_ASKING,
    ),
    Route(
        "/api/symbols",
        candles.symbols,
        "The symbols there are, in order",
        list[str],
        parameters=(
            p.Parameter("prefix", "Only those that begin so, in upper or lower case", default=""),
            p.limit("How many at most", default=100, most=10_000),
        ),
        statuses=(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
    Route(
        "/api/top-gainers",
        gainers.top_gainers,
        "The ten best of a day, the best first",
        TopGainers,
        parameters=(p.DAY,),
        statuses=_ASKING,
    ),
    Route(
        "/api/top-losers",
        gainers.top_losers,
        "The ten worst of a day, the worst first",
        TopLosers,
        parameters=(p.DAY,),
        statuses=_ASKING,
    ),
    Route(
        "/api/most-active",
        gainers.most_active,
        "The ten of a day with the largest volume, the largest first",
        MostActive,
        parameters=(p.DAY,),
        statuses=_ASKING,
    ),
    Route(
        "/api/surges",
        surges.surges,
        "The latest surge of each symbol, the newest first",
        list[Surge],
        parameters=(p.limit("How many at most", default=10, most=1000),),
        statuses=_ASKING,
    ),
    Route(
        "/api/trends/{symbol}",
        trends.trends,
        "The moving averages of a symbol's closes, and their last three crossings, newest last",
        Trend,
        parameters=(p.path("symbol", "The symbol, as it stands in ticks"),),
        statuses=_ASKING,
    ),
    Route(
        "/api/windows/{table}/{key}",
        windows.key_windows,
        "The windows of a key in any table, newest last",
        list[dict[str, Any]],
        parameters=(
            p.path("table", "Name of the table"),
            p.path("key", "The key, as it stands in the table's source topic"),
            windows.WINDOW,
            p.FROM,
            p.TO,
            p.limit("How many windows at most, the newest of them", default=100, most=5000),
        ),
        statuses=_ASKING,
    ),
    Route(
        "/api/windows/{table}",
        windows.all_windows,
        "The windows of all keys of a table, in order of key and time, page by page",
        windows.WindowPage,
        parameters=(
            p.path("table", "Name of the table"),
            windows.WINDOW,
            p.FROM,
            p.TO,
            p.limit("How many windows a page has at most", default=100, most=5000),
            windows.AFTER,
        ),
        statuses=_ASKING,
    ),
    Route(
        "/api/tables",
        tables.tables,
        "What tables there are",
        list[tables.TableInfo],
        statuses=(HTTPStatus.BAD_REQUEST,),
    ),
    Route(
        "/api/tables/{name}/{key}",
        tables.rows,
        "The rows of a key",
        list[dict[str, Any]],
        parameters=(
            p.path("name", "Name of the table"),
            p.path("key", "The key, as it stands in the table's source topic"),
        ),
        statuses=_ASKING,
    ),
    Route(
        "/api/lateness",
        lateness.lateness,
        "How late the records of each table came, and what each grace would keep",
        list[lateness.TableLateness],
        statuses=(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
    Route("/healthz", health.alive, "Whether this worker is alive", health.Alive),
    Route(
        "/readyz",
        health.ready,
        "Whether this worker has restored and runs all that is assigned to it",
        health.Readiness,
        statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Route("/metrics", health.metrics, "The metrics of this worker", media="text/plain"),
    Route("/openapi.json", openapi.show, "This description", dict[str, Any]),
)
