"""`/metrics`: this process's metrics for Prometheus; HTTP requests are counted and traced."""

import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import REGISTRY, Counter, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from yarl import URL

from eventfold import __version__
from eventfold.engine.gauges import TaskGauges
from eventfold.telemetry import traces
from eventfold.web.parameters import Values

# A `_created` series for each series would double the size of a scrape.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there

REQUESTS = Counter(
    "eventfold_http_requests_total", "HTTP requests answered", ["method", "path", "status"]
)
SECONDS = Histogram(
    "eventfold_http_request_seconds",
    "Seconds to answer an HTTP request, without streams of events",
    ["method", "path"],
)
BUILD = Info("eventfold_build", "Versions of the worker, as labels; always 1")
WORKER = Info("eventfold_worker", "Identity of the worker, as labels; always 1")

#: Methods with series of their own; others share one, because a client may send any word.
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}

#: Paths that monitors poll every few seconds; requests for them have no spans.
PROBES = {"/healthz", "/readyz", "/metrics"}


def describe(app: Any) -> None:
    """Register the versions, the identity and the task gauges of a worker that starts."""
    names = {"faust": "faust-streaming", "aiokafka": "aiokafka"}
    installed = {label: version(name) for label, name in names.items()}
    BUILD.info({"version": __version__, **installed, "python": platform.python_version()})
    WORKER.info(
        {
            "application": app.settings.app_id,
            # The address that other workers use, which options of the command line may change.
            "worker": URL(str(app.conf.canonical_url)).authority,
            "pipelines": ",".join(app.pipelines),
        }
    )
    REGISTRY.register(TaskGauges(app.tasks))


async def metrics(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with every metric of this process: Prometheus' text, or OpenMetrics if asked for."""
    encode, content_type = _encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})


def _encoder(accepted: str) -> tuple[Callable[[Any], bytes], str]:
    """Return the encoder for an `Accept` header, and the content type that it writes."""
    try:
        return choose_encoder(accepted)
    except (TypeError, ValueError):  # `Accept` names a malformed version
        return choose_encoder("")


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count, time and trace requests, by method and by the pattern of their route."""
    begin = time.perf_counter()
    method, path = _route(request)
    with nullcontext() if path in PROBES else _span(request, method, path):
        try:
            response = await handler(request)
        except web.HTTPException as redirect:
            _count(method, path, redirect, begin)
            raise
        _count(method, path, response, begin)
        return response


def _span(request: web.Request, method: str, path: str) -> AbstractContextManager[Any]:
    attributes = {"http__request__method": method, "http__route": path}
    return traces.span(f"{method} {path}", parent=request.headers, **attributes)


def _route(request: web.Request) -> tuple[str, str]:
    resource = request.match_info.route.resource
    # The route's pattern, not the path, which would make a time series for each key.
    path = resource.canonical if resource else "none"
    return request.method if request.method in METHODS else "other", path


def _count(method: str, path: str, response: web.StreamResponse, begin: float) -> None:
    traces.note(http__response__status_code=response.status)
    REQUESTS.labels(method, path, response.status).inc()
    # The duration of an event stream is the client's choice, not time taken to answer.
    if response.content_type != "text/event-stream":
        SECONDS.labels(method, path).observe(time.perf_counter() - begin)
