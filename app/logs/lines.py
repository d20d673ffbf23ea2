"""Parser and router of log lines in any form: JSON, syslog, or a text with a time."""

from datetime import UTC, tzinfo
from typing import Any

import msgspec

from app.logs.objects import otel_records, parse_object, plain_otel
from app.logs.records import LogLine, Read
from app.logs.severity import CLASSES, find_severity
from app.logs.shapes import Shape, parse_text, strip_count
from app.logs.syslog import parse_syslog
from app.logs.years import nearest
from eventfold.decoding import json_decoder
from eventfold.operators.processor import Sender
from eventfold.records.fields import EARLIEST, MAX_NAME, MAX_TEXT
from eventfold.topics import Topic

_decode = json_decoder(dict[str, Any])

#: Severity of a line in a known form that has none: RFC 3164, section 4.3.3.
NOTICE = 5
#: Severities of what a container writes to its streams, as Docker's journald driver has them.
_STREAMS = {"stderr": 3, "stdout": 6}
#: Fields by which objects with a structure of their own are known.
_MARKS = frozenset(
    {
        *("form", "stream", "resourceLogs", "resource_logs"),
        *("timeUnixNano", "SeverityNumber", "severityNumber"),
    }
)
#: Beginning of a message that is JSON.
_OBJECT = "{"


def read_line(value: bytes) -> Read:
    """Parse a line. Raises ValueError if its form is unknown, or a JSON object has no severity.

    Bytes that are not UTF-8 are replaced, so that no error is lost because of a misspelt name.
    """
    return parse_line(value.decode(errors="replace"))


def parse_line(text: str, zone: tzinfo = UTC, severity: int | None = None) -> Read:
    """Parse a line of any form.

    A time without a zone is in `zone`; `severity` is that of a line that has none, in number or in
    words. Raises ValueError, which begins with the part that is wrong.
    """
    text = text.strip("\r\n\0\ufeff ")
    if text.startswith(_OBJECT):
        return _read_object(_decode(text), zone, severity)
    if text.startswith("<"):
        return _read_syslog(text, zone)
    frame = strip_count(text)
    if frame is not None:
        return _read_syslog(frame, zone)._replace(shape="syslog with an octet count")
    read, stream = _read_text(text, zone, NOTICE if severity is None else severity)
    return _of_container(read, stream, zone) if stream else read


def _read_syslog(text: str, zone: tzinfo) -> Read:
    syslog = parse_syslog(text, zone)
    line = LogLine(
        syslog.severity,
        syslog.host,
        syslog.app,
        syslog.message,
        syslog.time or 0,
        "rfc5424" if syslog.form == "rfc5424" else "rfc3164",
        syslog.facility,
        syslog.process,
        syslog.message_id,
        dict(syslog.fields),
    )
    shape = "syslog, RFC 5424" if syslog.form == "rfc5424" else "syslog, RFC 3164"
    return Read(checked(line), syslog.bsd_time, syslog.has_zone, "stated", shape)


def _read_text(text: str, zone: tzinfo, severity: int) -> tuple[Read, str]:
    """Read a line that begins with its time; return also the container's stream, if it has one."""
    found = parse_text(text, zone)
    number, source = found.severity, "stated"
    if number is None:
        number, source = find_severity(found.message), "words"
    if number is None:
        number, source = severity, "assumed"
    line = LogLine(
        number,
        found.host,
        found.app,
        found.message,
        found.time or 0,
        "rfc3164" if found.shape is Shape.SYSLOG else "text",
        process=found.process,
        fields=found.fields,
    )
    read = Read(checked(line), found.bsd_time, found.has_zone, source, found.shape, found.assumed)
    return read, found.stream


def _read_object(fields: dict[str, Any], zone: tzinfo, severity: int | None) -> Read:
    if _MARKS.isdisjoint(fields):
        pass
    elif "form" in fields and isinstance(fields.get("fields"), dict):
        try:
            return Read(checked(msgspec.convert(fields, LogLine)), shape="a line of logs-…")
        except msgspec.ValidationError:  # another's `form`
            pass
    elif "log" in fields and "stream" in fields and isinstance(fields["log"], str):
        return _read_docker(fields, zone, severity)
    elif "resourceLogs" in fields or "resource_logs" in fields:
        return _read_otlp(fields, zone, severity)
    elif "timeUnixNano" in fields or "SeverityNumber" in fields or "severityNumber" in fields:
        fields = plain_otel(fields)
    read = parse_object(fields, zone, severity)
    checked(read.line)
    return read


def _read_otlp(fields: dict[str, Any], zone: tzinfo, severity: int | None) -> Read:
    reads: list[Read] = []
    for number, record in enumerate(otel_records(fields), 1):
        try:
            read = parse_object(record, zone, severity)
            checked(read.line)
        except ValueError as error:
            raise ValueError(f"record {number} of the OTLP message: {error}") from error
        reads.append(read._replace(shape="JSON: OTLP"))
    if not reads:
        raise ValueError("OTLP: the message has no log records")
    return reads[0]._replace(more=tuple(reads[1:]))


def _read_docker(fields: dict[str, Any], zone: tzinfo, severity: int | None) -> Read:
    """Read a line of Docker's json-file: what is in it, at the time that Docker saw it."""
    text, stream = fields.pop("log"), str(fields["stream"])
    outer = parse_object(
        {"severity": NOTICE, "message": text.rstrip("\n"), **fields}, zone, severity
    )
    return _of_container(outer._replace(shape="JSON: Docker's json-file"), stream, zone)


def _of_container(outer: Read, stream: str, zone: tzinfo) -> Read:
    """Return what the message of a container's line has in it, at the time of `outer`."""
    text, severity = outer.line.message, _STREAMS.get(stream, NOTICE)
    try:
        if text.startswith(_OBJECT):
            inner = parse_object(_decode(text), zone, severity)
        else:
            inner, _ = _read_text(text, zone, severity)
    except ValueError:  # a plain message
        number, source = find_severity(text), "words"
        if number is None:
            number, source = severity, "assumed"
        line = msgspec.structs.replace(outer.line, severity=number)
        return outer._replace(line=line, severity_from=source)
    line = msgspec.structs.replace(inner.line, time=outer.line.time or inner.line.time)
    line.fields.update(outer.line.fields)
    return outer._replace(line=checked(line), severity_from=inner.severity_from)


def checked(line: LogLine) -> LogLine:
    """Return the line. Raises ValueError if a part of it is too long."""
    if (
        len(line.message) > MAX_TEXT
        or len(line.host) > MAX_NAME
        or len(line.app) > MAX_NAME
        or len(line.process) > MAX_NAME
        or len(line.message_id) > MAX_NAME
    ):
        raise _too_long(line)
    return line


def _too_long(line: LogLine) -> ValueError:
    for name in ("message", "host", "app", "process", "message_id"):
        length, limit = len(getattr(line, name)), MAX_TEXT if name == "message" else MAX_NAME
        if length > limit:
            return ValueError(f"its {name} has {length:,} characters, more than {limit:,}")
    raise AssertionError(line)


class Router:
    """Stateless operator that sends each line to the topic of its class; `topics` are by class."""

    def __init__(self, topics: dict[str, Topic]) -> None:
        self._topics = [topics[name] for name in CLASSES]

    def __call__(self, read: Read, sender: Sender) -> None:
        """Complete the line's time, if it has none or one without a year, and send it."""
        for each in (read, *read.more) if read.more else (read,):
            line = each.line
            if line.time < EARLIEST:
                time = nearest(each.bsd_time, sender.time) if each.bsd_time else None
                line = msgspec.structs.replace(line, time=sender.time if time is None else time)
            sender.send(line, to=self._topics[line.severity])
