"""Request parameters: one description for parsing them and for the OpenAPI document."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from eventfold.decoding import read_digits
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
    """Request parameter: its place, type, default and description.

    `type` is a type for `msgspec.convert`, with its constraints; the OpenAPI document has its JSON
    Schema. `read` computes the value from what was converted, or raises ValueError with the
    reason. `default` is the value if the request has none.
    """

    name: str
    description: str
    type: Any = str
    default: Any = None
    read: Callable[[Any], Any] | None = None
    place: Literal["query", "path"] = "query"
    required: bool = False

    def value_of(self, request: web.Request) -> Any:
        """Return the value in a request. Raises ApiError (400) if it is not valid."""
        source: Mapping[str, str] = request.match_info
        if self.place == "query":
            source = request.query
            if len(request.query.getall(self.name, [])) > 1:
                bad_parameter(self.name, "given more than once")
        text = source.get(self.name)
        if text is None:
            if self.required:
                bad_parameter(self.name, f"is required: {self.description}")
            return self.default
        try:
            value = msgspec.convert(text, self.type, strict=False)
            if type(value) is int and not text.removeprefix("-").isdigit():
                bad_parameter(self.name, f"{text!r} is not valid: digits are expected")  # 1e3, 1.0
            return value if self.read is None else self.read(value)
        except msgspec.ValidationError as error:
            bad_parameter(self.name, f"{text!r} is not valid: {error}")
        except ValueError as error:
            bad_parameter(self.name, error)


def read_values(request: web.Request, parameters: Sequence[Parameter]) -> Values:
    """Parse all parameters of a request. Raises ApiError (400) for a bad or unknown one."""
    if request.path.startswith("/api/"):
        # Ignoring a misspelt name would return a plausible answer to another query.
        names = [each.name for each in parameters if each.place == "query"]
        for name in request.query:
            if name not in names:
                there_are = f"there are {', '.join(names)}" if names else "this path has none"
                bad_parameter(name, f"no such parameter; {there_are}")
    return {parameter.name: parameter.value_of(request) for parameter in parameters}


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


def path(name: str, description: str) -> Parameter:
    """Return a required parameter that is a non-empty segment of the path."""
    kind = Annotated[str, Meta(min_length=1)]
    return Parameter(name, description, kind, place="path", required=True)


def flag(name: str, description: str) -> Parameter:
    """Return a boolean parameter, false by default."""
    return Parameter(name, description, bool, default=False)


def limit(description: str, *, default: int, most: int) -> Parameter:
    """Return the parameter `limit`: the maximum number of results, from 1 to `most`."""
    return Parameter("limit", description, Annotated[int, Meta(ge=1, le=most)], default)


_DURATION = Annotated[str, Meta(extra_json_schema={"pattern": r"^\d+(ms|s|m|h|d)$"})]
_TIME = Annotated[str, Meta(examples=["1769869800000", "2026-01-31T14:30:00Z"])]

SIZE = Parameter("size", "Length of a window", _DURATION, parse_duration("5m"), _duration)
ADVANCE = Parameter(
    "advance",
    "Distance between the starts of two windows; by default the size (tumbling)",
    _DURATION,
    read=_duration,
)
FROM = Parameter(
    "from", "Windows that start at or after this: ms since the epoch, or ISO 8601", _TIME, 0, _time
)
TO = Parameter(
    "to", "Windows that start before this: ms since the epoch, or ISO 8601", _TIME, _LATEST, _time
)
START = Parameter(
    "start", "Only the window that starts then: ms since the epoch, or ISO 8601", _TIME, read=_time
)
DAY = Parameter("day", "The day; by default the latest", date, read=date.isoformat)
POINTS = Parameter(
    "points",
    "Instead of `size`: the finest tumbling windows of which [from, to) holds no more than this",
    Annotated[int, Meta(ge=1, le=5000)],
)
STALE = flag(
    "stale",
    "Whether a standby may answer while the owner of a partition is gone; the header "
    "`Tickstream-Stale` then names the partition and the lag of the standby",
)
PARTIAL = flag(
    "partial",
    "Whether partitions that can't be reached may be left out; the header `Tickstream-Missing` "
    "then names them and the reason. By default the answer is 503",
)
