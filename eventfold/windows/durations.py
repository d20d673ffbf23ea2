"""Durations as text (`500ms`, `30s`, `5m`, `4h`, `8d`), and points in time."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from eventfold.windows.errors import DefinitionError

#: Unit → milliseconds.
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Parse a whole number with a unit (ms, s, m, h or d) into milliseconds.

    Raises DefinitionError, naming the text, for anything else.

    >>> parse_duration("5m")
    300000
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise DefinitionError(f"{text!r} is not a duration such as 500ms, 30s, 5m, 4h or 8d")
    return int(match[1]) * UNITS[match[2]]


def parse_time(text: str) -> int:
    """Parse a time, integer ms or an ISO 8601 date or time: return ms since the epoch.

    UTC if it has no zone. Raises ValueError for anything else.

    >>> parse_time("1970-01-01T00:00:01Z")
    1000
    """
    if text.strip().lstrip("-").isdecimal():
        return int(text)
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


@lru_cache(maxsize=1_000)
def format_duration(ms: int) -> str:
    """Format `ms` in the largest unit that divides it; `parse_duration` is the inverse."""
    for unit, size in reversed(UNITS.items()):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def approximate_duration(ms: int) -> str:
    """Format `ms` in its largest unit, rounded up to a tenth of it: `4.2s`, `1.3m`, `850ms`.

    The text is for people, not for `parse_duration`. It is rounded up, so that what happens
    within the duration also happens within the duration that is shown.
    """
    unit, size = next(each for each in reversed(UNITS.items()) if ms >= each[1] or "ms" in each)
    step = max(1, size // 10)
    rounded = -(-ms // step) * step
    # 59.99s is rounded up to 60s, which is 1m in a larger unit.
    return f"{rounded / size:g}{unit}" if rounded == ms else approximate_duration(rounded)


def milliseconds(value: int | str) -> int:
    """Return a duration (`5m`, or ms already) in milliseconds. Raises DefinitionError."""
    if isinstance(value, str):
        return parse_duration(value)
    # A bool is an int in Python, but nobody means 1 ms by True.
    if isinstance(value, bool) or not isinstance(value, int):
        raise DefinitionError(f"{value!r} is neither whole milliseconds nor a text such as 5m")
    if value < 0:
        raise DefinitionError(f"{format_duration(value)} is no duration: it is negative")
    return value
