"""Parser of log lines without a priority: a text with its time at the beginning, as on disk."""

import re
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Any, NamedTuple

from app.logs.header import Header
from app.logs.severity import WORDS, parse_severity
from app.logs.syslog import split_content
from eventfold.times import Stamp, find_time


class Shape(StrEnum):
    """Shapes of texts, by the words of a summary."""

    SYSLOG = "syslog without a priority"
    TEXT = "text with a time"
    ACCESS = "access log"
    KLOG = "klog"
    LOGFMT = "logfmt"
    CONTAINER = "container (CRI)"


class Text(NamedTuple):
    """Parts of a line; missing ones are empty or None."""

    shape: Shape
    time: int | None = None
    bsd_time: str = ""
    has_zone: bool = True
    assumed: str = ""
    severity: int | None = None
    host: str = ""
    app: str = ""
    process: str = ""
    message: str = ""
    #: Stream of a container, if the line is one's: its message may be a line of any form.
    stream: str = ""
    fields: dict[str, Any] = {}  # noqa: RUF012 - each line has its own


_COUNT = re.compile(r"\d{1,7} (?=<\d{1,3}>)", re.ASCII)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: What some put before the time: a file or container (`web-1 | `), a process and its role
#: (redis's `1:M `), or the alert, time, date and host of the logs of supercomputers.
_CLUSTER = re.compile(
    r"(?P<alert>-|[A-Z_]{2,20}) (?P<epoch>\d{10}) \d{4}\.\d\d\.\d\d (?P<host>\S{1,255}) ", re.ASCII
)
_SOURCE = re.compile(r"(?P<source>[^\s\[{\"<][^\s]{0,127}) +(?:\| )?(?=[\[\d])")
_KLOG = re.compile(
    r"(?P<level>[IWEF])(?P<month>\d\d)(?P<day>\d\d) (?P<clock>\d\d:\d\d:\d\d\.\d{1,9}) +"
    r"(?P<process>\d+) (?P<app>[^\s\]]{1,200}:\d+)\] ?(?P<message>.*)",
    re.DOTALL | re.ASCII,
)
#: The combined log format of Apache and nginx, with a virtual host or without, whatever follows.
_ACCESS = re.compile(
    r"(?:(?P<host>[\w.-]+:\d+) )?(?P<client>[^\s\[]{1,255}) \S+ (?P<user>\S+|\"\")"
    r" \[(?P<time>[^\]]+)\]"
    r" (?P<message>\"(?P<request>(?:[^\"\\]|\\.)*)\" (?P<status>\d{3}) (?P<size>\d+|-).*)",
    re.DOTALL | re.ASCII,
)
_PAIR = re.compile(r"([\w.@/-]{1,64})=(?:\"((?:[^\"\\]|\\.)*)\"|(\S*))(?:\s+|$)")
_CONTAINER = re.compile(r" (stdout|stderr) [FP](?:$| )", re.ASCII)
#: What `rsyslog` writes behind an ISO time.
_HOST_AND_TAG = re.compile(
    rf" (?!(?i:{'|'.join(word for word in WORDS)})\b)[A-Za-z\d][\w.-]*"
    r" [\w./-][^\s\[\]:]*(?: [^\s\[\]:]+)?(?:\[\d+\])?: ",
    re.ASCII,
)


def strip_count(text: str) -> str | None:
    """Return the syslog line behind an octet count (RFC 6587, 3.4.1); None if there is no count."""
    found = _COUNT.match(text)
    return text[found.end() :] if found else None


def parse_text(text: str, zone: tzinfo = UTC) -> Text:
    """Parse a line; a time without a zone is in `zone`.

    Raises ValueError, naming the part that is wrong, if there is no time at its beginning.
    """
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    for parse in (_klog, _logfmt, _access, _cluster):
        found = parse(text, zone)
        if found is not None:
            return found
    stamp, at, source = _time_at_beginning(text, zone)
    container = _CONTAINER.match(text, at)
    if container and not source:
        return _text(
            stamp,
            Shape.CONTAINER,
            message=text[container.end() :],
            stream=container[1],
            fields={"stream": container[1]},
        )
    if not source and text[0] != "[" and _is_syslog(text, stamp, at):
        host, app, process, message = split_content(text[at:].lstrip(" :"))
        if host or app:
            return _text(stamp, Shape.SYSLOG, host=host, app=app, process=process, message=message)
    header = Header(text, at)
    fields = {"source": source, "thread": header.thread, "client": header.client}
    return _text(
        stamp,
        Shape.TEXT,
        severity=header.severity,
        app=header.app,
        process=header.process,
        message=header.message,
        fields={name: value for name, value in fields.items() if value},
    )


def _text(stamp: Stamp, shape: Shape, **parts: Any) -> Text:
    parts.setdefault("fields", {})
    return Text(shape, stamp.time, stamp.bsd_time, stamp.has_zone, stamp.assumed, **parts)


def _time_at_beginning(text: str, zone: tzinfo) -> tuple[Stamp, int, str]:
    """Return the time, where the rest begins, and what stands before the time."""
    source = ""
    at = 1 if text.startswith("[") else 0
    stamp = find_time(text, at, zone)
    if stamp is None and (found := _SOURCE.match(text)):
        source = found["source"]
        at = found.end() + (text[found.end()] == "[")
        stamp = find_time(text, at, zone)
    if stamp is None:
        raise ValueError("time: the line begins with none, nor with a <priority> or {")
    end = stamp.end
    if text[at - 1 : at] == "[":
        if text[end : end + 1] != "]":
            raise ValueError(f"time: {text[at - 1 : end + 1]!r} is not closed")
        end += 1
    return stamp, end, source


def _is_syslog(text: str, stamp: Stamp, at: int) -> bool:
    """Return whether what follows the time is a host and a tag, as `syslogd` writes them."""
    if text[0].isalpha():  # RFC 3164's time
        return True
    return "T" in text[:11] and stamp.has_zone and bool(_HOST_AND_TAG.match(text, at))


def _klog(text: str, zone: tzinfo) -> Text | None:
    found = _KLOG.fullmatch(text) if text[:1] in "IWEF" else None
    if not found:
        return None
    stamp = find_time(f"{found['month']}-{found['day']} {found['clock']}", 0, zone)
    assert stamp is not None  # noqa: S101 - it has Android's form
    severity = parse_severity(found["level"])
    return _text(
        stamp,
        Shape.KLOG,
        severity=severity,
        app=found["app"],
        process=found["process"],
        message=found["message"],
    )


def _access(text: str, zone: tzinfo) -> Text | None:
    """Parse a line of an access log; its severity is by the status: 5xx error, 4xx warning."""
    found = _ACCESS.fullmatch(text)
    stamp = find_time(found["time"], 0, zone) if found else None
    if not found or stamp is None:
        return None
    names = ("client", "user", "request", "status", "size")
    fields = {name: found[name] for name in names if found[name] != "-"}
    status = int(found["status"])
    return _text(
        stamp,
        Shape.ACCESS,
        severity=3 if status >= 500 else 4 if status >= 400 else 6,
        host=found["host"] or "",
        message=found["message"],
        fields=fields,
    )


def _logfmt(text: str, zone: tzinfo) -> Text | None:
    """Parse a line of pairs: `time=… level=info msg="…"`, as logrus, Grafana and Go's slog do."""
    if "=" not in text[:64] or ("level=" not in text and "lvl=" not in text):
        return None
    pairs = list(_PAIR.finditer(text))
    if not pairs or pairs[0].start() or sum(len(pair[0]) for pair in pairs) != len(text):
        return None
    fields = {}
    for pair in pairs:
        fields[pair[1]] = pair[3] if pair[2] is None else re.sub(r"\\(.)", r"\1", pair[2])
    return _of_pairs(fields, zone)


def _of_pairs(fields: dict[str, str], zone: tzinfo) -> Text:
    def take(*names: str) -> str:
        return next((fields.pop(name) for name in names if name in fields), "")

    written = take("time", "ts", "t", "timestamp")
    stamp = find_time(written, 0, zone) if written else Stamp(None, 0)
    severity = parse_severity(take("level", "lvl"))
    return _text(
        stamp or Stamp(None, 0),
        Shape.LOGFMT,
        severity=severity,
        host=take("host", "hostname"),
        app=take("app", "service", "logger", "component"),
        process=take("pid"),
        message=take("msg", "message"),
        fields=dict(fields),
    )


def _cluster(text: str, zone: tzinfo) -> Text | None:
    """Parse a line of a supercomputer's log (Blue Gene, Thunderbird): alert, time, host, line."""
    prefix = _CLUSTER.match(text)
    if not prefix:
        return None
    host, fields = prefix["host"], {}
    if prefix["alert"] != "-":
        fields["alert"] = prefix["alert"]
    stamp = Stamp(int(prefix["epoch"]) * 1000, prefix.end())
    inner = find_time(text, prefix.end(), zone)
    if inner is None:
        return _text(stamp, Shape.TEXT, host=host, message=text[prefix.end() :], fields=fields)
    rest = text[inner.end :].lstrip()
    if inner.bsd_time:
        _, app, process, message = split_content(rest)
        parts = {"app": app, "process": process, "message": message}
        return _text(stamp, Shape.SYSLOG, host=host, fields=fields, **parts)
    header = Header(rest.removeprefix(host), 0)
    return _text(
        stamp,
        Shape.TEXT,
        severity=header.severity,
        host=host,
        app=header.app,
        message=header.message,
        fields=fields,
    )
