"""Traces of OpenTelemetry: a span for a batch, a checkpoint, a restore, a request, not a record.

Off by default: then nothing is imported and nothing is done. EVENTFOLD_TRACES switches them on;
the packages are those of the extra `traces`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from eventfold.extras import demand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventfold.settings import Settings
    from eventfold.telemetry.otel import Attribute, OpenTelemetry

#: Maker of this process's spans; None while traces are off.
_tracing: OpenTelemetry | None = None

_NOTHING: AbstractContextManager[Any] = nullcontext()


class TracesError(SystemExit):
    """Error of traces without their packages; the message has the remedy."""


def start(conf: Settings) -> None:
    """Start tracing if the settings ask for it. Raises TracesError if packages are missing."""
    if conf.traces.full == "off":
        return
    purpose = f"{conf.variable('traces')}={conf.traces}"
    for module in "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http":
        demand(module, "traces", purpose, TracesError)
    from eventfold.telemetry.otel import OpenTelemetry  # noqa: PLC0415  # only who asks for it has it

    use(OpenTelemetry(conf))


def use(tracing: OpenTelemetry | None) -> None:
    """Make spans with `tracing` from now on; none for None."""
    global _tracing  # noqa: PLW0603  # one a process, like the log
    _tracing = tracing


def stop() -> None:
    """Send the remaining spans and stop tracing."""
    if _tracing is not None:
        _tracing.stop()
        use(None)


def span(
    name: str, *, parent: Mapping[str, str] | None = None, **attributes: Attribute
) -> AbstractContextManager[Any]:
    """Return a context manager that is a span and records the error raised within it.

    `parent` are the headers of a request, which may name the span it was made in. `__` in the name
    of an attribute stands for a dot. Does nothing while traces are off.
    """
    if _tracing is None:
        return _NOTHING
    return _tracing.span(name, _named(attributes), parent)


def note(**attributes: Attribute) -> None:
    """Add attributes to the present span; `__` in a name stands for a dot."""
    if _tracing is not None:
        _tracing.note(_named(attributes))


def ids() -> dict[str, str]:
    """Return `trace_id` and `span_id` of the present span; {} without one."""
    return {} if _tracing is None else _tracing.ids()


def headers() -> dict[str, str]:
    """Return the headers that propagate this trace to another worker; {} while traces are off."""
    return {} if _tracing is None else _tracing.headers()


def _named(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {key.replace("__", "."): value for key, value in attributes.items()}
