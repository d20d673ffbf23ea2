"""Lines of syslog, RFC 5424 and the older RFC 3164 (BSD), as records.

A grammar of our own: what parses these in Python is either not kept up or takes RFC 5424 alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

#: Section 6 of RFC 5424; the parts of the header are PRINTUSASCII, as long as it says.
_RFC5424 = re.compile(
    r"<(?P<pri>0|[1-9]\d{0,2})>1"
    r" (?P<time>-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d))"
    r" (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<process>[!-~]{1,128})"
    r" (?P<id>[!-~]{1,32}) (?P<rest>[\[-].*)",
    re.DOTALL | re.ASCII,
)
_VERSION = re.compile(r"<\d{1,3}>\d{1,3} ", re.ASCII)

#: Section 6.3: SD-NAME is PRINTUSASCII without `=`, space, `]`, `"`; a value escapes `"`, `\`, `]`.
_NAME, _VALUE = r"[!#-<>-\\^-~]{1,32}", r"\"(?:[^\"\\\]]|\\.)*\""
_ELEMENT = re.compile(rf"\[({_NAME})((?: {_NAME}={_VALUE})*)\]", re.DOTALL)
_PARAM = re.compile(rf" ({_NAME})=({_VALUE})", re.DOTALL)
#: Section 6.3.3: a backslash before anything else is an ordinary one.
_ESCAPED = re.compile(r"\\([\"\\\]])")

#: Section 4.1 of RFC 3164. In practice local lines have no host, and tags more than letters.
_NAMES = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_MONTHS = {name: number for number, name in enumerate(_NAMES.split("|"), 1)}
_RFC3164 = re.compile(
    rf"(?P<time>(?:{_NAMES}) [ \d]\d \d\d:\d\d:\d\d) "
    r"(?:(?P<host>[^\s\[]*[^\s\[:]) )?(?P<content>.*)",
    re.DOTALL | re.ASCII,
)
_TAG = re.compile(r"(?P<app>[\w./-]{1,48})(?:\[(?P<process>[^\]\s]{1,128})\])?: ?", re.ASCII)
_PRI = re.compile(r"<(\d{1,3})>(.*)", re.DOTALL | re.ASCII)
#: Section 4.1.1 of RFC 3164, 6.2.1 of RFC 5424: facility * 8 + severity, of 24 facilities.
_PRIORITIES = 192


class SyslogLine(NamedTuple):
    """What a line says; empty or None where it does not.

    `time` is in ms since the epoch; that of an RFC 3164 line has no year and no zone, so it is
    there as `bsd_time`, to be placed by `nearest`.
    """

    form: str
    facility: int
    severity: int
    host: str = ""
    app: str = ""
    process: str = ""
    message_id: str = ""
    message: str = ""
    time: int | None = None
    bsd_time: str = ""
    #: The parameters of each structured data element.
    fields: dict[str, dict[str, str]] = {}  # noqa: RUF012 - nobody changes it


def parse_syslog(line: str) -> SyslogLine:
    """Give what a line says. Raises ValueError where it is of neither form.

    A line with a priority and nothing else known is content (RFC 3164, section 4.3.2). One
    without a priority would be a notice of a user's by section 4.3.3, and so would any rubbish
    be: it is refused.
    """
    if _VERSION.match(line):
        return _rfc5424(line)
    found = _PRI.match(line)
    if not found:
        raise ValueError("neither a JSON object nor a syslog line: it begins with no <priority>")
    facility, severity = _priority(found[1])
    return _rfc3164(facility, severity, found[2])


def _priority(digits: str) -> tuple[int, int]:
    number = int(digits)
    if number >= _PRIORITIES:
        raise ValueError(f"the priority {number} is above {_PRIORITIES - 1}")
    return divmod(number, 8)


def _rfc5424(line: str) -> SyslogLine:
    found = _RFC5424.fullmatch(line)
    if not found:
        raise ValueError("begins like a line of RFC 5424, but its header is none (section 6)")
    facility, severity = _priority(found["pri"])
    fields, message = _structured(found["rest"])
    time = None if found["time"] == "-" else milliseconds(datetime.fromisoformat(found["time"]))
    host, app, process, message_id = (
        "" if found[name] == "-" else found[name] for name in ("host", "app", "process", "id")
    )
    return SyslogLine(
        *("rfc5424", facility, severity, host, app, process, message_id, message),
        time=time,
        fields=fields,
    )


def _structured(rest: str) -> tuple[dict[str, dict[str, str]], str]:
    """Give STRUCTURED-DATA and MSG (sections 6.3 and 6.4)."""
    fields: dict[str, dict[str, str]] = {}
    at = 1
    if rest[0] == "[":
        at = 0
        while element := _ELEMENT.match(rest, at):
            if element[1] in fields:
                raise ValueError(f"the structured data has {element[1]} twice (section 6.3.2)")
            params = _PARAM.findall(element[2])
            fields[element[1]] = {name: _ESCAPED.sub(r"\1", value[1:-1]) for name, value in params}
            at = element.end()
    if not at or (len(rest) > at and rest[at] != " "):
        raise ValueError("its structured data is none (RFC 5424, section 6.3)")
    return fields, rest[at + 1 :].removeprefix("\ufeff")


def _rfc3164(facility: int, severity: int, rest: str) -> SyslogLine:
    found = _RFC3164.fullmatch(rest)
    host, content = (found["host"] or "", found["content"]) if found else ("", rest)
    tag = _TAG.match(content)
    app, process = (tag["app"], tag["process"] or "") if tag else ("", "")
    return SyslogLine(
        *("rfc3164", facility, severity, host, app, process, ""),
        message=content[tag.end() :] if tag else content,
        bsd_time=found["time"] if found else "",
    )


def nearest(bsd_time: str, near: int) -> int | None:
    """Give the time (ms) nearest to `near` (ms) at which `bsd_time` was, of all years, in UTC.

    None where there is no such time within a year of it, such as on 30 February.
    """
    around = datetime.fromtimestamp(near / 1000, UTC)
    # By place: `strptime` takes five times as long, and goes by the language of the machine.
    day, hour, minute, second = (int(bsd_time[at : at + 2]) for at in (4, 7, 10, 13))
    clock = _MONTHS[bsd_time[:3]], day, hour, minute, second
    found = []
    for year in (around.year - 1, around.year, around.year + 1):
        try:
            found.append(datetime(year, *clock, tzinfo=UTC))
        except ValueError:
            continue
    best = min(found, key=lambda at: abs(at - around), default=None)
    return None if best is None else milliseconds(best)


def milliseconds(at: datetime) -> int:
    """Give the ms since the epoch of a time with a zone."""
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
