"""Record of a log line, the same for all forms."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from eventfold.records.fields import Integer

#: 0 emergency, 1 alert, 2 critical, 3 error, 4 warning, 5 notice, 6 informational, 7 debug:
#: RFC 5424, section 6.2.1, table 2.
Severity = Annotated[int, Meta(ge=0, le=7)]


class LogLine(Struct, frozen=True, gc=False):
    """A line of a log. Missing parts are empty or null.

    `time` is the line's own (ms), or Kafka's timestamp if it has none. `fields` are the structured
    data of a syslog line by element, or the other fields of a JSON object.
    """

    severity: Severity
    host: str
    app: str
    message: str
    time: Integer
    form: Literal["json", "rfc5424", "rfc3164"]
    facility: Integer | None = None
    process: str = ""
    message_id: str = ""
    fields: dict[str, Any] = {}
