"""Parser of syslog lines: RFC 5424 and the older RFC 3164 (BSD).

It is our own, since the parsers in Python are either unmaintained or support RFC 5424 only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

#: Section 6 of RFC 5424; the parts of the header are PRINTUSASCII of the lengths defined there.
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
#: Section 6.3.3: a backslash before any other character is an ordinary one.
_ESCAPED = re.compile(r"\\([\"\\\]])")

#: Section 4.1 of RFC 3164. In practice local lines have no host, and tags not only letters.
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
    """Parts of a syslog line; missing ones are empty or None.

    `time` is in ms since the epoch. The time of an RFC 3164 line has no year and no zone, so it is
    in `bsd_time`, which `nearest` completes.
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
    #: Parameters of each structured data element.
    fields: dict[str, dict[str, str]] = {}  # noqa: RUF012 - nobody changes it


def parse_syslog(line: str) -> SyslogLine:
    """Parse a line. Raises ValueError if it has neither form.

    A line of which only the priority is recognised is content (RFC 3164, section 4.3.2). A line
    without a priority would be a user's notice by section 4.3.3, and so would any garbage: it is
    rejected.
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
    """Parse STRUCTURED-DATA and MSG (sections 6.3 and 6.4). Raises ValueError if it is invalid."""
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
    """Return `bsd_time` as ms, in UTC, in the year that puts it nearest to `near` (ms).

    None if the time does not exist in that year, the one before or the one after, such as on
    30 February.
    """
    around = datetime.fromtimestamp(near / 1000, UTC)
    # By position: `strptime` takes five times as long, and depends on the machine's locale.
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
    """Return the ms since the epoch of a time with a zone."""
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
