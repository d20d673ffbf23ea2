"""Log format: text for people, or one JSON object a line (EVENTFOLD_LOG_FORMAT).

A JSON line has `time` (UTC), `level`, `logger`, `message`; and `task`, `topic`, `partition`,
`offset`, `table` where they are known, from the line itself or from its context.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from mode.utils.logging import DEFAULT_FORMATTERS, DefaultFormatter, ExtensionFormatter
from pythonjsonlogger.msgspec import MsgspecFormatter

from eventfold.settings import Settings
from eventfold.telemetry import traces
from eventfold.visible import visible

#: Facts of all lines of a context, whoever logs them, such as the Kafka client of a task.
_about: ContextVar[Mapping[str, Any] | None] = ContextVar("about", default=None)

#: mode's names of the formatters of its handlers, for a file and for a terminal.
_MODES_FORMATTERS = ("default", "colored")


def about(facts: Mapping[str, Any]) -> None:
    """Add `facts` to every JSON line of this context, and of those copied from it, from now on."""
    _about.set(facts)


@contextmanager
def speaking_of(facts: Mapping[str, Any]) -> Iterator[None]:
    """Add `facts` to every JSON line that is logged within the `with` block."""
    token = _about.set(facts)
    try:
        yield
    finally:
        _about.reset(token)


class JsonLine(MsgspecFormatter):
    """Formatter that makes one JSON line of a record, exceptions included."""

    def __init__(self) -> None:
        names = {
            "levelname": "level",
            "name": "logger",
            "exc_info": "exception",
            "stack_info": "stack",
        }
        super().__init__(["levelname", "name", "message"], rename_fields=names)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Add the time in front, and the facts of the context and the trace at the end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        log_data["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        super().add_fields(log_data, record, message_dict)
        for name, value in {**(_about.get() or {}), **traces.ids()}.items():
            log_data.setdefault(name, value)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line, even for values that JSON can't represent."""
        try:
            # Escape control characters for terminals; the escapes mean the same in JSON.
            return visible(super().jsonify_log_record(log_data))
        except (ValueError, TypeError, OverflowError):
            # Such as a file name that is no valid text, or a number beyond 64 bits.
            return json.dumps(log_data, default=repr)


class _VisibleMixin(logging.Formatter):
    """Formatter that indents all lines of a record but the first: no text can forge a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # as logging names it
        """Return the line of a record."""
        record.message = _indented(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the traceback of a record."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        """Return the stack of a record."""
        return _indented(super().formatStack(stack_info))


class TextLine(_VisibleMixin, DefaultFormatter):
    """Text formatter for files; quoted text can't forge lines."""


class ColoredLine(_VisibleMixin, ExtensionFormatter):
    """Text formatter for terminals; quoted text can't control the terminal."""


def _indented(text: str) -> str:
    return visible(text).replace("\n", "\n    ")


def is_json(conf: Settings) -> bool:
    """Return whether lines are JSON."""
    return conf.log_format == "json"


def config(conf: Settings) -> dict[str, Any]:
    """Return the logging configuration for mode and Faust."""
    if not is_json(conf):
        classes: dict[str, type] = {"default": TextLine, "colored": ColoredLine}
        theirs: dict[str, Any] = DEFAULT_FORMATTERS
        return {
            "merge": True,
            "formatters": {name: {**theirs[name], "()": each} for name, each in classes.items()},
        }
    logging.captureWarnings(capture=True)
    return {"merge": True, "formatters": {name: {"()": JsonLine} for name in _MODES_FORMATTERS}}
