"""Parser of log lines that are JSON objects, by the names of their fields.

Known by their names: GELF, journald, Serilog (also CLEF), .NET, ECS (nested and dotted),
OpenTelemetry, pino, bunyan, zap, zerolog, logrus, logback, log4j 2, MongoDB, Docker's json-file.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from app.logs.field_names import (
    APP,
    BOTH,
    EXAMPLES,
    HOST,
    MESSAGE,
    NESTED,
    OTEL_NUMBERS,
    PROCESS,
    SEVERITY,
    SPELLINGS,
    TIME,
)
from app.logs.records import LogLine, Read
from app.logs.severity import WORDS, find_severity, parse_severity
from eventfold.times import InvalidTimeError, epoch_ms, find_time, milliseconds

#: A field of a part of a line: precedence, the object that has it, its name there.
_Place = tuple[int, dict[str, Any], str]

#: Severities of OpenTelemetry (logs data model, "severity fields") from each number on.
_OTEL = ((21, 2), (19, 1), (18, 2), (17, 3), (13, 4), (10, 5), (9, 6), (1, 7))
#: Severities of pino and bunyan.
_PINO = {10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2}
#: What stands for a value in a message template (messagetemplates.org).
_TEMPLATES = frozenset({"@mt", "MessageTemplate"})
_HOLE = re.compile(r"\{[@$]?(\w+)[^}]*\}")


def parse_object(fields: dict[str, Any], zone: tzinfo = UTC, severity: int | None = None) -> Read:
    """Parse an object of a logger; takes the parts out of `fields`, which become those of the line.

    A time without a zone is in `zone`. `severity` is that of a line which has none, in number or
    in words. Raises ValueError, naming the part, if a severity is none, or there is none.
    """
    severities: list[_Place] = []
    places: list[_Place | None] = [None] * NESTED
    _collect(fields, "", severities, places)
    place = None
    severity_from = "stated"
    if len(severities) == 1 and (number := _stated(severities[0])) is not None:
        place = severities[0]
    else:
        number, place = _severity(severities, fields, severity)
    # Before anything is taken out: a hole may be named as a part.
    _fill_template(fields, places[MESSAGE])
    values = [each and each[1].pop(each[2]) for each in places]
    message = _text(values[MESSAGE])
    if number is None:
        number, severity_from = find_severity(message), "words"
    if number is None:
        if severity is None:
            raise ValueError(f"severity: the object has no severity: none of {EXAMPLES[SEVERITY]}")
        number, severity_from = severity, "assumed"
    if place is not None:
        del place[1][place[2]]
    time, has_zone = _time(values[TIME], zone)
    line = LogLine(
        number,
        _text(values[HOST]),
        _text(values[APP]),
        message,
        time,
        "json",
        None,
        _text(values[PROCESS]),
        "",
        fields,
    )
    return Read(line, "", has_zone, severity_from, "JSON")


def _fill_template(fields: dict[str, Any], written: _Place | None) -> None:
    """Replace the holes of the message, if it is a template, by the fields that they name."""
    if written is not None and written[2] in _TEMPLATES:
        fields[written[2]] = _HOLE.sub(
            lambda hole: _text(fields.get(hole[1], hole[0])), _text(fields[written[2]])
        )


def _collect(
    fields: dict[str, Any], prefix: str, severities: list[_Place], places: list[_Place | None]
) -> None:
    """Collect the fields that may be the severity, and the best field of each other part."""
    for name, value in fields.items():
        known = SPELLINGS[prefix + name if prefix else name]
        if known is None or value is None:
            continue
        part, rank = known
        if type(value) is dict:
            outer = prefix + name.lower()
            if part == NESTED or outer in BOTH:
                _collect(value, outer + ".", severities, places)
        elif part == SEVERITY:
            severities.append((rank, fields, name))
        elif part != NESTED:
            place = places[part]
            if place is None or rank < place[0]:
                places[part] = (rank, fields, name)


def _stated(place: _Place) -> int | None:
    """Return the severity of a field that is as most are: a known word, or one of our numbers."""
    value = place[1][place[2]]
    if type(value) is str:
        return WORDS.get(value) or WORDS.get(value.lower())
    return (
        value if type(value) is int and 0 <= value <= 7 and place[2] not in OTEL_NUMBERS else None
    )


def _severity(
    places: list[_Place], fields: Mapping[str, Any], default: int | None
) -> tuple[int | None, _Place | None]:
    """Return the severity of the first place that has one, and the place.

    Raises ValueError if there are places, but none has one.
    """
    wrong: ValueError | None = None
    unset: ValueError | None = None
    for place in sorted(places, key=lambda place: place[0]):
        value = place[1][place[2]]
        try:
            return _otel(value) if place[2] in OTEL_NUMBERS else parse_severity(value), place
        except ValueError as error:
            if _is_pino(value, fields):
                return _PINO[value], place
            if _is_unset(value):
                unset = error
            else:
                wrong = wrong or error
    if wrong is not None or (unset is not None and default is None):
        raise wrong or unset or ValueError
    return (6, None) if "@t" in fields else (None, None)


def _is_unset(value: object) -> bool:
    """Return whether a severity is one that says that there is none: the clouds' `DEFAULT`."""
    return isinstance(value, str) and value.strip().lower() in {"", "default", "none", "unset"}


def _otel(value: Any) -> int:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, int) and 1 <= number <= 24:
        return next(severity for least, severity in _OTEL if number >= least)
    raise ValueError(f"severity: {value!r} is no severity of OpenTelemetry: a number from 1 to 24")


def _is_pino(level: object, fields: Mapping[str, Any]) -> bool:
    """Return whether a level is of pino or bunyan, by the fields that they write beside it."""
    if (
        not isinstance(level, int)
        or level not in _PINO
        or "msg" not in fields
        or "time" not in fields
    ):
        return False
    time = fields["time"]
    return "v" in fields or {"pid", "hostname"} <= fields.keys() or isinstance(time, int)


def _text(given: Any) -> str:
    """Return a value as text; journald writes what is no UTF-8 as an array of bytes."""
    if isinstance(given, str):
        return given
    if given is None:
        return ""
    if isinstance(given, list) and given and all(type(b) is int and 0 <= b < 256 for b in given):
        return bytes(given).decode(errors="replace")
    return msgspec.json.encode(given).decode()


def _time(given: Any, zone: tzinfo) -> tuple[int, bool]:
    """Parse a time as ms since the epoch, 0 if it is none; and whether it has a zone."""
    if type(given) is int:
        return given if 1e11 <= given < 1e14 else epoch_ms(given) or 0, True
    if isinstance(given, str):
        try:
            at = datetime.fromisoformat(given)
        except ValueError:
            return _written_time(given.strip(), zone)
        return milliseconds(at if at.tzinfo else at.replace(tzinfo=zone)), at.tzinfo is not None
    return (epoch_ms(given) or 0) if isinstance(given, float) else 0, True


def _written_time(text: str, zone: tzinfo) -> tuple[int, bool]:
    digits = text.replace(".", "", 1)
    if len(digits) < 25 and len(text) != 14 and digits.isdecimal() and text.isascii():
        return epoch_ms(float(text) if "." in text else int(text)) or 0, True
    try:
        stamp = find_time(text, 0, zone)
    except InvalidTimeError:
        return 0, True
    if stamp is None or stamp.end != len(text) or stamp.time is None:
        return 0, True
    return stamp.time, stamp.has_zone


def otel_records(envelope: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the records of OpenTelemetry's protocol in JSON (OTLP) as objects of plain values.

    Raises ValueError if it has another structure.
    """
    try:
        for group in envelope.get("resourceLogs") or envelope.get("resource_logs") or ():
            resource = otel_attributes(group.get("resource", {}).get("attributes", ()))
            scopes = group.get("scopeLogs") or group.get("scope_logs") or ()
            for scope in scopes:
                for record in scope.get("logRecords") or scope.get("log_records") or ():
                    yield {**plain_otel(record), "resource": dict(resource)}
    except (AttributeError, TypeError, KeyError) as error:
        raise ValueError(f"OTLP: it has another structure: {error}") from None


def plain_otel(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of OpenTelemetry with plain values for body and attributes."""
    plain = dict(record)
    for name, value in record.items():
        if name.lower() == "body":
            plain[name] = _otel_value(value)
        elif name.lower() == "attributes" and isinstance(value, list):
            plain[name] = otel_attributes(value)
    return plain


def otel_attributes(attributes: Any) -> dict[str, Any]:
    """Return attributes, `[{"key": …, "value": {"stringValue": …}}]`, by name.

    Raises ValueError if they have another structure.
    """
    try:
        return {str(each["key"]): _otel_value(each["value"]) for each in attributes}
    except (TypeError, KeyError, IndexError):
        raise ValueError("OpenTelemetry: its attributes are no list of keys and values") from None


def _otel_value(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, inner),) = value.items()
        if kind.endswith(("Value", "_value")):
            return inner
    return value
