"""Spans of OpenTelemetry: `traces` imports this only where traces are on."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from yarl import URL

from eventfold import __version__
from eventfold.settings import Settings

logger = logging.getLogger(__name__)

#: Type of the value of a span's attribute.
Attribute = str | int | float | bool

#: Path at which a collector accepts spans over HTTP.
PATH = "/v1/traces"

#: Seconds that sending a batch of spans may take; the last batch may delay the end for so long.
TIMEOUT = 5.0


class OpenTelemetry:
    """Maker of spans, which a thread sends; the SDK's own variables apply as well."""

    def __init__(self, conf: Settings, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.name": conf.app_id,
                    "service.version": __version__,
                    "service.instance.id": f"{conf.web_host}:{conf.web_port}",
                }
            ),
            shutdown_on_exit=False,
        )
        sender = BatchSpanProcessor(exporter or _exporter(conf.traces.full))
        self._provider.add_span_processor(sender)
        self._tracer = self._provider.get_tracer("tickstream")

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Attribute], parent: Mapping[str, str] | None
    ) -> Iterator[Any]:
        """Open a span for the `with` block; its kind is SERVER if `parent` is not None."""
        served = parent is not None
        with self._tracer.start_as_current_span(
            name,
            context=extract(parent) if parent else None,
            kind=trace.SpanKind.SERVER if served else trace.SpanKind.INTERNAL,
            attributes=attributes,
        ) as span:
            yield span

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        """Add attributes to the present span."""
        trace.get_current_span().set_attributes(attributes)

    def ids(self) -> dict[str, str]:
        """Return the ids of the present trace and span by their names in the log, or {}."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }

    def headers(self) -> dict[str, str]:
        """Return the headers of a request that propagate this trace to the server."""
        found: dict[str, str] = {}
        inject(found)
        return found

    def stop(self) -> None:
        """Send the remaining spans and shut down."""
        self._provider.shutdown()


def _exporter(where: str) -> SpanExporter:
    if where == "console":
        return _Log()
    url = URL(where)
    return OTLPSpanExporter(str(url.with_path(PATH) if url.path == "/" else url), timeout=TIMEOUT)


class _Log(SpanExporter):
    """Exporter that logs spans, one a line."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Log a line for each span."""
        for span in spans:
            milliseconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e6
            context, attributes = span.context, dict(span.attributes or {})
            facts = {
                "span": span.name,
                "milliseconds": round(milliseconds, 3),
                "attributes": attributes,
                "trace_id": trace.format_trace_id(context.trace_id) if context else "",
                "span_id": trace.format_span_id(context.span_id) if context else "",
            }
            words = ", ".join(f"{name}={value}" for name, value in attributes.items())
            logger.info("Span %s: %.1f ms, %s", span.name, milliseconds, words, extra=facts)
        return SpanExportResult.SUCCESS
