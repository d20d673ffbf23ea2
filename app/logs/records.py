"""Record of a log line, the same for all forms, and what its parser has found."""

from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct

from eventfold.records.fields import Integer

#: 0 emergency, 1 alert, 2 critical, 3 error, 4 warning, 5 notice, 6 informational, 7 debug:
#: RFC 5424, section 6.2.1, table 2.
Severity = Annotated[int, Meta(ge=0, le=7)]


class LogLine(Struct, frozen=True, gc=False):
    """A line of a log. Missing parts are empty or null.

    `time` is the line's own (ms), or Kafka's timestamp if it has none. `fields` are the structured
    data of a syslog line by element, or the other fields of a JSON object. The form `text` is any
    other with a time at its beginning.
    """

    severity: Severity
    host: str
    app: str
    message: str
    time: Integer
    form: Literal["json", "rfc5424", "rfc3164", "text"]
    facility: Integer | None = None
    process: str = ""
    message_id: str = ""
    fields: dict[str, Any] = {}


class Read(NamedTuple):
    """A line, and what is known of how it was read."""

    line: LogLine
    #: Time without a year, if the line has such a one, in the form of RFC 3164.
    bsd_time: str = ""
    #: Whether the line's time has a zone.
    has_zone: bool = True
    #: Where the severity is from: `stated`, `words` of the message, or `assumed`.
    severity_from: str = "stated"
    #: The form in more detail than the record's, for people.
    shape: str = ""
    #: What had to be assumed of the time, apart from zone and year; empty if nothing.
    assumed: str = ""
    #: Further lines of the same value: OpenTelemetry's collector sends several at once.
    more: "tuple[Read, ...]" = ()

    @property
    def host(self) -> str:
        """Host of the line, which is its key."""
        return self.line.host
