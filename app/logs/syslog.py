"""Parser of syslog lines with a priority: RFC 5424 and the older RFC 3164 (BSD), as they are met.

It is our own, since the parsers in Python are either unmaintained or support RFC 5424 only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from eventfold.times import MONTHS, find_time, milliseconds

if TYPE_CHECKING:
    from datetime import tzinfo

#: Section 6 of RFC 5424; the parts of the header are PRINTUSASCII of the lengths defined there.
#: In practice times have nanoseconds, and a message may follow at once, without structured data.
_RFC5424 = re.compile(
    r"<(?P<pri>0|[1-9]\d{0,2})>1"
    r" (?P<time>-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))"
    r" (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<process>[!-~]{1,128})"
    r" (?P<id>[!-~]{1,32}) (?P<rest>\S.*)",
    re.DOTALL | re.ASCII,
)
_VERSION = re.compile(r"<\d{1,3}>\d{1,3} ", re.ASCII)

#: Section 6.3: SD-NAME is PRINTUSASCII without `=`, space, `]`, `"`; a value escapes `"`, `\`, `]`.
_NAME, _VALUE = r"[!#-<>-\\^-~]{1,32}", r"\"(?:[^\"\\\]]|\\.)*\""
_ELEMENT = re.compile(rf"\[({_NAME})((?: {_NAME}={_VALUE})*)\]", re.DOTALL)
_PARAM = re.compile(rf" ({_NAME})=({_VALUE})", re.DOTALL)
#: Section 6.3.3: a backslash before any other character is an ordinary one.
_ESCAPED = re.compile(r"\\([\"\\\]])")

#: Section 4.1 of RFC 3164. In practice local lines have no host, tags not only letters, days no
#: second character, and times fractions of a second.
_HOST_AND_CONTENT = r"(?:(?P<host>[^\s\[]*[^\s\[:]) )?(?P<content>.*)"
_RFC3164 = re.compile(
    rf"(?P<time>(?:{'|'.join(MONTHS)}) (?: ?\d|\d\d) \d\d:\d\d:\d\d(?:\.\d{{1,9}})?) "
    + _HOST_AND_CONTENT,
    re.DOTALL | re.ASCII,
)
_AFTER_TIME = re.compile(_HOST_AND_CONTENT, re.DOTALL | re.ASCII)
_TAG = re.compile(r"(?P<app>[\w./-]{1,48})(?:\[(?P<process>[^\]\s]{1,128})\])?: ?", re.ASCII)
#: Tags with parentheses or blanks: `sshd(pam_unix)[2915]:`, `Microsoft Word[14463]:`,
#: `launchd[1] (com.example[77]):`, `syslogd 1.4.1:`.
_WIDE_TAG = re.compile(
    r" {0,4}(?:(?:-- )?(?P<app>[^\s\[\]:][^\[\]:]{0,46}?)\[(?P<process>[^\]\s]{1,128})\]"
    r"(?: \([^\s)]*\))?"
    r"|(?P<name>[\w./-]{1,48}(?:\([\w./-]{1,48}\)| [\d.]{1,16})|[\w./-]+@[\w./-]+))(?:: ?| ?$)",
    re.ASCII,
)
_PRI = re.compile(r"<(\d{1,3})>(.*)", re.DOTALL | re.ASCII)
#: Section 4.1.1 of RFC 3164, 6.2.1 of RFC 5424: facility * 8 + severity, of 24 facilities.
_PRIORITIES = 192


class SyslogLine(NamedTuple):
    """Parts of a syslog line; missing ones are empty or None.

    `time` is in ms since the epoch. The time of an RFC 3164 line has no year and no zone, so it is
    in `bsd_time`, which `times.nearest` completes.
    """

    form: str
    facility: int | None
    severity: int
    host: str = ""
    app: str = ""
    process: str = ""
    message_id: str = ""
    message: str = ""
    time: int | None = None
    bsd_time: str = ""
    #: Whether a time with a year also has a zone.
    has_zone: bool = True
    #: Parameters of each structured data element.
    fields: dict[str, dict[str, str]] = {}  # noqa: RUF012 - nobody changes it


def parse_syslog(line: str, zone: tzinfo = UTC) -> SyslogLine:
    """Parse a line. Raises ValueError if it has neither form.

    A time without a zone, but with a year, is in `zone`.

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
    return _rfc3164(facility, severity, found[2], zone)


def _priority(digits: str) -> tuple[int, int]:
    number = int(digits)
    if number >= _PRIORITIES:
        raise ValueError(f"priority: {number} is above {_PRIORITIES - 1}")
    return divmod(number, 8)


def _rfc5424(line: str) -> SyslogLine:
    found = _RFC5424.fullmatch(line)
    if not found:
        raise ValueError(f"RFC 5424: {_wrong_part(line)} (section 6)")
    facility, severity = _priority(found["pri"])
    rest = found["rest"]
    fields, message = _structured(rest) if rest[0] in "[-" else ({}, rest)
    time = None if found["time"] == "-" else _iso_time(found["time"])
    host, app, process, message_id = (
        "" if found[name] == "-" else found[name] for name in ("host", "app", "process", "id")
    )
    return SyslogLine(
        *("rfc5424", facility, severity, host, app, process, message_id, message),
        time=time,
        fields=fields,
    )


def _iso_time(text: str) -> int:
    try:
        return milliseconds(datetime.fromisoformat(text))
    except ValueError as error:
        raise ValueError(f"time: {text!r} does not exist: {error}") from None


#: The parts of RFC 5424's header, each with its form; the first that does not match is wrong.
_PARTS = (
    ("the priority is no number without leading zeros", r"<(?:0|[1-9]\d{0,2})>"),
    ("the version is not 1", r"1 "),
    (
        "the time is neither ISO 8601 with a zone nor -",
        r"(?:-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) ",
    ),
    ("the host is missing or too long", r"[!-~]{1,255} "),
    ("the application is missing or too long", r"[!-~]{1,48} "),
    ("the process id is missing or too long", r"[!-~]{1,128} "),
    ("the message id is missing or too long", r"[!-~]{1,32} "),
)


def _wrong_part(line: str) -> str:
    at = 0
    for wrong, pattern in _PARTS:
        found = re.compile(pattern, re.ASCII).match(line, at)
        if not found:
            return wrong
        at = found.end()
    return "nothing follows the message id"


def _structured(rest: str) -> tuple[dict[str, dict[str, str]], str]:
    """Parse STRUCTURED-DATA and MSG (sections 6.3 and 6.4). Raises ValueError if it is invalid."""
    fields: dict[str, dict[str, str]] = {}
    at = 1
    if rest[0] == "[":
        at = 0
        while element := _ELEMENT.match(rest, at):
            if element[1] in fields:
                raise ValueError(
                    f"structured data: {element[1]!r} is in it twice (RFC 5424, section 6.3.2)"
                )
            params = _PARAM.findall(element[2])
            fields[element[1]] = {name: _ESCAPED.sub(r"\1", value[1:-1]) for name, value in params}
            at = element.end()
    if not at or (len(rest) > at and rest[at] != " "):
        if rest[0] == "-":  # a message that begins so, without structured data
            return fields, rest
        raise ValueError("structured data: it has no such form (RFC 5424, section 6.3)")
    return fields, rest[at + 1 :].removeprefix("\ufeff")


def _rfc3164(facility: int, severity: int, rest: str, zone: tzinfo) -> SyslogLine:
    found = _RFC3164.fullmatch(rest)
    if not found:
        return _other_time(facility, severity, rest, zone)
    app, process, message = split_tag(found["content"])
    return SyslogLine(
        *("rfc3164", facility, severity, found["host"] or "", app, process, "", message),
        bsd_time=found["time"],
    )


def _other_time(facility: int, severity: int, rest: str, zone: tzinfo) -> SyslogLine:
    """Parse what follows a priority: a time in another form than RFC 3164's, or content only."""
    stamp = find_time(rest, 0, zone)
    if stamp is None or rest[stamp.end : stamp.end + 1] not in (" ", ":"):
        app, process, message = split_tag(rest)
        return SyslogLine("rfc3164", facility, severity, "", app, process, "", message)
    host, app, process, message = split_content(rest[stamp.end :].lstrip(" :"))
    return SyslogLine(
        *("rfc3164", facility, severity, host, app, process, "", message),
        time=stamp.time,
        bsd_time=stamp.bsd_time,
        has_zone=stamp.has_zone,
    )


def split_content(text: str) -> tuple[str, str, str, str]:
    """Split what follows the time of RFC 3164 into host, application, process and message."""
    found = _AFTER_TIME.fullmatch(text)
    assert found is not None  # noqa: S101 - it matches any text
    return found["host"] or "", *split_tag(found["content"].removeprefix(": "))


def split_tag(content: str) -> tuple[str, str, str]:
    """Split a content into application, process and message; all of it is one if it has no tag."""
    tag = _TAG.match(content)
    if tag is not None:
        return tag["app"], tag["process"] or "", content[tag.end() :]
    wide = _WIDE_TAG.match(content)
    if wide is None:
        return "", "", content
    return wide["app"] or wide["name"], wide["process"] or "", content[wide.end() :]
