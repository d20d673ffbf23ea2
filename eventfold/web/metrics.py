"""`/metrics`: what this process counts, for Prometheus; the HTTP requests among it, and traced."""

import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import REGISTRY, Counter, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from yarl import URL

from eventfold.engine.gauges import TaskGauges
from eventfold.telemetry import traces
from eventfold.web.parameters import Values

if TYPE_CHECKING:
    from app.worker import TickApp

# When each series began, as a series of its own, would double what is scraped.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there

REQUESTS = Counter(
    "tickstream_http_requests_total", "HTTP requests answered", ["method", "path", "status"]
)
SECONDS = Histogram(
    "tickstream_http_request_seconds",
    "Seconds to answer an HTTP request, streams of events apart",
    ["method", "path"],
)
BUILD = Info("tickstream_build", "What runs here, as labels; always 1")
WORKER = Info("tickstream_worker", "Which worker this is, as labels; always 1")

#: Methods that have series of their own: a client may send any word.
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}

#: What is asked every few seconds by those who watch, and has no spans.
PROBES = {"/healthz", "/readyz", "/metrics"}


def describe(app: "TickApp") -> None:
    """Let `/metrics` tell of this worker, once it starts."""
    names = {"version": "tickstream", "faust": "faust-streaming", "aiokafka": "aiokafka"}
    installed = {label: version(name) for label, name in names.items()}
    BUILD.info({**installed, "python": platform.python_version()})
    WORKER.info(
        {
            "application": app.settings.app_id,
            # As the others know it, options of its command line included.
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
    """Return what writes the metrics, as who asks can read it, and the type it writes."""
    try:
        return choose_encoder(accepted)
    except (TypeError, ValueError):  # a version that is none
        return choose_encoder("")


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and time the requests, by the path of their route."""
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
    said = {"http__request__method": method, "http__route": path}
    return traces.span(f"{method} {path}", parent=request.headers, **said)


def _route(request: web.Request) -> tuple[str, str]:
    resource = request.match_info.route.resource
    # The route's pattern, never the path itself: that would be a time series for each key.
    path = resource.canonical if resource else "none"
    return request.method if request.method in METHODS else "other", path


def _count(method: str, path: str, response: web.StreamResponse, begin: float) -> None:
    traces.note(http__response__status_code=response.status)
    REQUESTS.labels(method, path, response.status).inc()
    # How long somebody watches is nothing that a worker takes to answer.
    if response.content_type != "text/event-stream":
        SECONDS.labels(method, path).observe(time.perf_counter() - begin)
