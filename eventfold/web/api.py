"""Routes of every worker, served beside Faust's own and those of the application."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from eventfold.topology import Topology
from eventfold.web import openapi
from eventfold.web import parameters as p
from eventfold.web.live import stream, subscription
from eventfold.web.query import tables, windows
from eventfold.web.routes import ASKING, Answer, Route
from eventfold.web.status import health, lateness, metrics, workers

#: Directory of the dashboard's files.
STATIC: web.AppKey[Path] = web.AppKey("STATIC", Path)

#: Paths of the pages among them, for which an application has to have a dashboard.
PAGES = {"/", "/api/docs"}


_TABLE = p.path("table", "Name of the table")
_KEY = p.path("key", "The key, as in the table's source topic")
_RANGE = (windows.WINDOW, p.FROM, p.TO)


def _page(name: str) -> Answer:
    """Return a handler that answers with a page of the dashboard's files."""

    async def page(request: web.Request, _: p.Values) -> web.StreamResponse:
        return web.FileResponse(request.app[STATIC] / name)

    return page


ROUTES = (
    Route("/", _page("index.html"), "The dashboard", media="text/html", operation="dashboard"),
    Route(
        "/api/windows/{table}/{key}",
        windows.key_windows,
        "The windows of a key in any table, newest last",
        list[dict[str, Any]],
        parameters=(
            *(_TABLE, _KEY, *_RANGE),
            p.limit("Maximum number of windows, the newest of them", default=100, most=5000),
            p.STALE,
        ),
        statuses=ASKING,
    ),
    Route(
        "/api/windows/{table}",
        windows.all_windows,
        "The windows of all keys of a table, in order of key and time, page by page",
        windows.WindowPage,
        parameters=(
            *(_TABLE, *_RANGE),
            p.limit("Maximum number of windows of a page", default=100, most=5000),
            *(windows.AFTER, p.STALE, p.PARTIAL),
        ),
        statuses=ASKING,
    ),
    Route(
        "/api/tables",
        tables.tables,
        "The tables",
        list[tables.TableInfo],
    ),
    Route(
        "/api/tables/{name}/{key}",
        tables.rows,
        "The rows of a key",
        list[dict[str, Any]],
        parameters=(p.path("name", "Name of the table"), _KEY, p.STALE),
        statuses=ASKING,
    ),
    Route(
        "/api/lateness",
        lateness.lateness,
        "The lateness distribution of each table, and the records that each grace keeps",
        list[lateness.TableLateness],
        statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Route(
        "/api/workers",
        workers.workers,
        "Every worker: its partitions, restores, lag and counts; or why it does not answer",
        list[workers.WorkerState],
    ),
    Route(
        "/api/topology",
        workers.topology,
        "The running topology: topics, agents, tables, and the data flow between them",
        Topology,
        operation="topology_graph",
    ),
    Route(
        "/api/events",
        stream.events,
        "Server-sent events: the records of the watched topics, as they are committed",
        media="text/event-stream",
        parameters=(subscription.WATCH, subscription.AFTER),
        statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Route("/healthz", health.alive, "Whether this worker is alive", health.Alive),
    Route(
        "/readyz",
        health.ready,
        "Whether this worker has restored and runs everything assigned to it",
        health.Readiness,
        statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Route(
        "/api/docs",
        _page("docs.html"),
        "A page that lists the API and sends requests to it",
        media="text/html",
        operation="docs_page",
    ),
    Route("/metrics", metrics.metrics, "The metrics of this worker", media="text/plain"),
    Route("/openapi.json", openapi.show, "This description", dict[str, Any]),
)
