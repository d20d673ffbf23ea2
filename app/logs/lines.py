"""Parser and router of log lines in any form: JSON, or syslog of RFC 5424 or RFC 3164."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from app.logs.records import LogLine
from app.logs.severity import CLASSES, parse_severity
from app.logs.syslog import milliseconds, nearest, parse_syslog
from eventfold.decoding import json_decoder
from eventfold.operators.processor import Sender
from eventfold.records.fields import EARLIEST, MAX_NAME, MAX_TEXT
from eventfold.topics import Topic

_decode = json_decoder(dict[str, Any])

#: Names of a JSON object's fields for each part of a line, by precedence; a dot separates the
#: names of nested objects.
SEVERITY = ("severity", "level", "loglevel", "levelname", "log.level", "PRIORITY", "priority")
MESSAGE = ("message", "msg", "MESSAGE", "event", "text")
HOST = ("host", "hostname", "host.name", "_HOSTNAME")
APP = ("app", "application", "service", "service.name", "logger", "name", "SYSLOG_IDENTIFIER")
PROCESS = ("process", "pid", "_PID")
TIME = ("time", "timestamp", "@timestamp", "ts")

_NOTHING = object()

#: Most characters of each part of a line.
_LIMITS = {
    "host": MAX_NAME,
    "app": MAX_NAME,
    "process": MAX_NAME,
    "message_id": MAX_NAME,
    "message": MAX_TEXT,
}


class Read(NamedTuple):
    """A line, and the time without a year that it may have."""

    line: LogLine
    bsd_time: str = ""

    @property
    def host(self) -> str:
        """Host of the line, which is its key."""
        return self.line.host


def read_line(value: bytes) -> Read:
    """Parse a line. Raises ValueError if its form is unknown, or it has no severity.

    Bytes that are not UTF-8 are replaced, so that no error is lost because of a misspelt name.
    """
    text = value.decode(errors="replace").strip("\r\n\0 ")
    if text.startswith("{"):
        return Read(_checked(_from_object(_decode(text))))
    said = parse_syslog(text)
    line = LogLine(
        severity=said.severity,
        host=said.host,
        app=said.app,
        message=said.message,
        time=said.time or 0,
        form="rfc5424" if said.form == "rfc5424" else "rfc3164",
        facility=said.facility,
        process=said.process,
        message_id=said.message_id,
        fields=dict(said.fields),
    )
    return Read(_checked(line), said.bsd_time)


def _checked(line: LogLine) -> LogLine:
    for name, limit in _LIMITS.items():
        length = len(getattr(line, name))
        if length > limit:
            raise ValueError(f"its {name} has {length:,} characters, more than {limit:,}")
    return line


def _from_object(fields: dict[str, Any]) -> LogLine:
    severity = _take(fields, SEVERITY)
    if severity is _NOTHING:
        raise ValueError(f"the object has no severity: none of {', '.join(SEVERITY)}")
    return LogLine(
        severity=parse_severity(severity),
        host=_text(_take(fields, HOST)),
        app=_text(_take(fields, APP)),
        message=_text(_take(fields, MESSAGE)),
        time=_time(_take(fields, TIME)),
        form="json",
        process=_text(_take(fields, PROCESS)),
        fields=fields,
    )


def _take(fields: dict[str, Any], names: Iterable[str]) -> Any:
    """Remove and return the first of the named fields that is present and is no object.

    Returns _NOTHING if there is none.
    """
    for name in names:
        if not isinstance(fields.get(name, {}), dict):
            return fields.pop(name)
        outer, _, inner = name.partition(".")
        inside = fields.get(outer) if inner else None
        if isinstance(inside, dict) and not isinstance(inside.get(inner, {}), dict):
            return inside.pop(inner)
    return _NOTHING


def _text(given: Any) -> str:
    if given is _NOTHING or given is None:
        return ""
    return given if isinstance(given, str) else msgspec.json.encode(given).decode()


def _time(given: Any) -> int:
    """Parse a number (s, ms, µs or ns, by its size) or ISO 8601 as ms since the epoch; else 0."""
    if isinstance(given, str):
        try:
            at = datetime.fromisoformat(given)
        except ValueError:
            return 0
        return milliseconds(at.replace(tzinfo=at.tzinfo or UTC))
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < 1e19:
        for limit, times, by in ((1e11, 1000, 1), (1e14, 1, 1), (1e17, 1, 1000)):
            if given < limit:
                return int(given * times // by)
        return int(given // 1_000_000)
    return 0


class Router:
    """Stateless operator that sends each line to the topic of its class; `topics` are by class."""

    def __init__(self, topics: dict[str, Topic]) -> None:
        self._topics = [topics[name] for name in CLASSES]

    def __call__(self, read: Read, sender: Sender) -> None:
        """Complete the line's time, if it has none or one without a year, and send it."""
        line = read.line
        if line.time < EARLIEST:
            time = nearest(read.bsd_time, sender.time) if read.bsd_time else None
            line = msgspec.structs.replace(line, time=sender.time if time is None else time)
        sender.send(line, to=self._topics[line.severity])
