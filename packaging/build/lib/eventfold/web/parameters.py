"""Request parameters: one description for parsing them and for the OpenAPI document."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from aiohttp import web

from eventfold.digits import read_digits
from eventfold.records import EARLIEST
from eventfold.web.errors import bad_parameter
from eventfold.windows.durations import parse_duration

#: End of the year 9999 (ms), the exclusive upper bound of a time.
_LATEST = 253_402_300_800_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The plus of a `+02:00` arrives as a space if it was not percent-encoded.
_LOST_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)$")

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Parameter:
    """Request parameter: its place, parser, default and description.

    `read` parses its text and raises ValueError with the reason if it can't. `default` is the value
    if the request has none. `schema` is JSON Schema.
    """

    name: str
    description: str
    read: Callable[[str], Any] = str
    default: Any = None
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: Literal["query", "path"] = "query"
    required: bool = False


def path(name: str, description: str) -> Parameter:
    """Return a required parameter that is a non-empty segment of the path."""
    return Parameter(name, description, _non_empty, place="path", required=True)


def read_values(request: web.Request, parameters: Sequence[Parameter]) -> Values:
    """Parse every parameter of a request. Raises ApiError (400) naming the first bad one.

    Under `/api/` an unknown parameter is an error as well.
    """
    if request.path.startswith("/api/"):
        _refuse_unknown(request, parameters)
    return {parameter.name: _read(request, parameter) for parameter in parameters}


def _refuse_unknown(request: web.Request, parameters: Sequence[Parameter]) -> None:
    # Ignoring a misspelt name would give a plausible answer to another question.
    names = [p.name for p in parameters if p.place == "query"]
    for name in request.query:
        if name not in names:
            there_are = f"there are {', '.join(names)}" if names else "there are none here"
            bad_parameter(name, f"no such parameter; {there_are}")


def _read(request: web.Request, parameter: Parameter) -> Any:
    source: Mapping[str, str] = request.match_info
    if parameter.place == "query":
        source = request.query
        if len(request.query.getall(parameter.name, [])) > 1:
            bad_parameter(parameter.name, "given more than once")
    text = source.get(parameter.name)
    if text is None:
        if parameter.required:
            bad_parameter(parameter.name, f"has to be given: {parameter.description}")
        return parameter.default
    try:
        return parameter.read(text)
    except ValueError as error:
        bad_parameter(parameter.name, error)


def _non_empty(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _duration(text: str) -> int:
    ms = parse_duration(text)
    if ms == 0:
        raise ValueError(f"{text!r} has to be longer than nothing")
    return ms


def _time(text: str) -> int:
    """Parse ms since the epoch or ISO 8601 (UTC if it names no zone) to ms since the epoch."""
    digits = read_digits(text)
    ms = _from_iso(text) if digits is None else digits
    if 0 < ms < EARLIEST:
        raise ValueError(f"{text!r} is before 1973: seconds? Milliseconds are expected")
    if not 0 <= ms < _LATEST:
        raise ValueError(f"{text!r} is not between the years 1970 and 9999")
    return ms


def _from_iso(text: str) -> int:
    try:
        time = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return (time - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is neither milliseconds since the epoch nor ISO 8601 such as "
            "2026-01-31T14:30:00Z"
        ) from None


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a day such as 2026-01-31")


def _count(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = read_digits(text)
        if number is not None and 1 <= number <= most:
            return number
        raise ValueError(f"{text!r} is not a whole number from 1 to {most}")

    return read


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def flag(name: str, description: str) -> Parameter:
    """Return a boolean parameter, false by default."""
    return Parameter(name, description, _flag, default=False, schema={"type": "boolean"})


def limit(description: str, *, default: int, most: int) -> Parameter:
    """Return the parameter `limit`: the maximum number of results, from 1 to `most`."""
    schema = {"type": "integer", "minimum": 1, "maximum": most}
    return Parameter("limit", description, _count(most), default, schema)


_DURATION = {"type": "string", "pattern": r"^\d+(ms|s|m|h|d)$"}
_TIME = {"type": "string", "examples": ["1769869800000", "2026-01-31T14:30:00Z"]}

SIZE = Parameter("size", "Length of a window", _duration, parse_duration("5m"), _DURATION)
ADVANCE = Parameter(
    "advance",
    "Distance between the starts of two windows; the size (tumbling) where not given",
    _duration,
    schema=_DURATION,
)
FROM = Parameter(
    "from", "Windows that start at or after this: ms since the epoch, or ISO 8601", _time, 0, _TIME
)
TO = Parameter(
    "to", "Windows that start before this: ms since the epoch, or ISO 8601", _time, _LATEST, _TIME
)
DAY = Parameter(
    "day",
    "The day; the latest where not given",
    _day,
    schema={"type": "string", "format": "date"},
)
START = Parameter(
    "start",
    "Only the window that starts then: ms since the epoch, or ISO 8601",
    _time,
    schema=_TIME,
)
POINTS = Parameter(
    "points",
    "Instead of `size`: the finest tumbling windows of which [from, to) holds no more than this",
    _count(5000),
    schema={"type": "integer", "minimum": 1, "maximum": 5000},
)
STALE = flag(
    "stale",
    "Whether a standby may answer while the owner of a partition is gone; the header "
    "`Tickstream-Stale` then says which partition, and how far it is behind",
)
PARTIAL = flag(
    "partial",
    "Whether partitions that can't be reached may be left out; the header `Tickstream-Missing` "
    "then says which, and why. Without it the answer is 503 then",
)
