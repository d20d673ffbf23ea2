"""Of logs: what a line says, whatever its form."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from eventfold.records.fields import Integer

#: 0 emergency, 1 alert, 2 critical, 3 error, 4 warning, 5 notice, 6 informational, 7 debug:
#: RFC 5424, section 6.2.1, table 2.
Severity = Annotated[int, Meta(ge=0, le=7)]


class LogLine(Struct, frozen=True, gc=False):
    """A line of a log. What it does not say is empty, or None.

    `time` is the line's own (ms), or Kafka's timestamp where it has none. `fields` are the
    structured data of a syslog line by their element, or what else stood in a JSON object.
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
