"""A collector of OpenTelemetry spans by OTLP over HTTP, in binary."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from eventfold.embedded import ports


class Collector:
    """Keeps the spans that it receives."""

    def __init__(self) -> None:
        self.url = f"http://{ports.HOST}:{ports.free()}"
        self.spans: list[Any] = []
        #: Attributes of the resource that sends them.
        self.resource: dict[str, str] = {}

    def take(self, body: bytes) -> None:
        """Keep the spans of a request."""
        request = ExportTraceServiceRequest.FromString(body)
        for sent in request.resource_spans:
            self.resource = {each.key: each.value.string_value for each in sent.resource.attributes}
            for scope in sent.scope_spans:
                self.spans += scope.spans

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return the attributes of the spans of this name."""
        return [_attributes(span) for span in self.spans if span.name == name]


def _attributes(span: Any) -> dict[str, Any]:
    found = {}
    for each in span.attributes:
        value = each.value
        found[each.key] = getattr(value, value.WhichOneof("value"))
    return found


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector for as long as this lasts."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        """Takes spans at `/v1/traces`."""

        def do_POST(self) -> None:  # http.server's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            packed = self.headers.get("Content-Encoding") == "gzip"
            found.take(decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer((ports.HOST, int(found.url.rpartition(":")[2])), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
