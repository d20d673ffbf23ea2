"""Spans of OpenTelemetry: a batch folded, a checkpoint, a restore, a request; never a record.

Off by default, and then nothing is imported and nothing is done. TICKSTREAM_TRACES switches them
on; the packages are those of the extra `traces`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.settings import Settings

#: What a span may say of itself.
Attribute = str | int | float | bool


class Tracing(Protocol):
    """What makes spans."""

    def span(
        self, name: str, attributes: Mapping[str, Attribute], parent: Mapping[str, str] | None
    ) -> AbstractContextManager[Any]:
        """Give a span that lasts as long as its context."""

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        """Let the present span say more of itself."""

    def ids(self) -> dict[str, str]:
        """Give the ids of the present trace and span, as they stand in a line of the log."""

    def headers(self) -> dict[str, str]:
        """Give what a request takes along, so that who answers it goes on in this trace."""

    def stop(self) -> None:
        """Send what has not been sent yet."""


#: What makes spans in this process; None while traces are off.
_tracing: Tracing | None = None

_NOTHING: AbstractContextManager[Any] = nullcontext()


class TracesError(SystemExit):
    """Traces were asked for and their packages are not there; the message says what to do."""


def start(conf: Settings) -> None:
    """Make spans from now on, if the settings ask for them. Raises TracesError."""
    if conf.traces.full == "off":
        return
    try:
        from eventfold.telemetry.otel import OpenTelemetry  # noqa: PLC0415  # only who asks for it has it
    except ImportError as error:
        raise TracesError(
            f"TICKSTREAM_TRACES={conf.traces} needs {error.name}: pip install -e '.[traces]'"
        ) from None
    use(OpenTelemetry(conf))


def use(tracing: Tracing | None) -> None:
    """Make spans with this from now on, or none."""
    global _tracing  # noqa: PLW0603  # one a process, like the log
    _tracing = tracing


def stop() -> None:
    """Send what is left, and make no more spans."""
    if _tracing is not None:
        _tracing.stop()
        use(None)


def span(
    name: str, *, parent: Mapping[str, str] | None = None, **attributes: Attribute
) -> AbstractContextManager[Any]:
    """Give a context that is a span; what is raised within it stands in the span.

    `parent` are headers of a request, which may name the span it was made in. `__` in the name of
    an attribute stands for a dot.
    """
    if _tracing is None:
        return _NOTHING
    return _tracing.span(name, _named(attributes), parent)


def note(**attributes: Attribute) -> None:
    """Let the present span say more of itself."""
    if _tracing is not None:
        _tracing.note(_named(attributes))


def ids() -> dict[str, str]:
    """Give `trace_id` and `span_id` of the present span; {} where there is none."""
    return {} if _tracing is None else _tracing.ids()


def headers() -> dict[str, str]:
    """Give what a request to another worker takes along; {} while traces are off."""
    return {} if _tracing is None else _tracing.headers()


def _named(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {key.replace("__", "."): value for key, value in attributes.items()}
