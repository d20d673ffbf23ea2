"""Routes of every worker, served beside Faust's own and those of the application."""

from http import HTTPStatus
from typing import Any

from eventfold.topology import Topology
from eventfold.web import dashboard, openapi
from eventfold.web import parameters as p
from eventfold.web.live import stream, subscription
from eventfold.web.query import keys, results, tables, windows
from eventfold.web.routes import ASKING, Route
from eventfold.web.status import health, lateness, metrics, workers

_TABLE = p.path("table", "Name of the table")
_KEY = p.path("key", "The key, as in the table's source topic")
_RANGE = (windows.WINDOW, p.FROM, p.TO)


ROUTES = (
    Route("/", dashboard.overview, "The dashboard", media="text/html", operation="dashboard"),
    Route(
        "/pages/{page}",
        dashboard.page,
        "A page of the dashboard",
        media="text/html",
        parameters=(p.path("page", "Name of the page"),),
        statuses=(HTTPStatus.NOT_FOUND,),
    ),
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
        "/api/results/{table}/{key}",
        results.key_results,
        "The windows of a key in any table with their evidence, newest last",
        list[results.Result],
        parameters=(
            *(_TABLE, _KEY, *_RANGE),
            p.limit("Maximum number of windows, the newest of them", default=100, most=5000),
            p.STALE,
        ),
        statuses=ASKING,
    ),
    Route(
        "/api/results/{table}",
        results.ranked_results,
        "The present window of each key, the latest or the largest first",
        list[results.Result],
        parameters=(
            *(_TABLE, windows.WINDOW, results.BY),
            p.limit("Maximum number of keys", default=10, most=100),
            *(p.STALE, p.PARTIAL),
        ),
        statuses=ASKING,
    ),
    Route(
        "/api/keys/{table}",
        keys.keys,
        "The keys of a table, in order",
        list[str],
        parameters=(
            _TABLE,
            p.Parameter("contains", "Only those with this text, in either case", default=""),
            p.Parameter("after", "Only those behind this one: the last of a page", default=""),
            p.limit("Maximum number of keys", default=100, most=10_000),
            *(p.STALE, p.PARTIAL),
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
        dashboard.docs,
        "A page that lists the API and sends requests to it",
        media="text/html",
        operation="docs_page",
    ),
    Route("/metrics", metrics.metrics, "The metrics of this worker", media="text/plain"),
    Route("/openapi.json", openapi.show, "This description", dict[str, Any]),
)
