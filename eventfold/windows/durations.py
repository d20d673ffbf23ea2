"""Durations as people write them: `500ms`, `30s`, `5m`, `4h`, `8d`."""

import re
from functools import lru_cache

from eventfold.windows.errors import DefinitionError

#: Unit → milliseconds.
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Give the milliseconds of `text`, a whole number and one unit of ms, s, m, h, d.

    Raises DefinitionError, naming the text, for anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise DefinitionError(f"{text!r} is not a duration such as 500ms, 30s, 5m, 4h or 8d")
    return int(match[1]) * UNITS[match[2]]


@lru_cache(maxsize=1_000)
def format_duration(ms: int) -> str:
    """Give the shortest text that `parse_duration` reads back as `ms`."""
    for unit, size in reversed(UNITS.items()):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def approximate_duration(ms: int) -> str:
    """Give `ms` in its largest unit, rounded up to a tenth of it: `4.2s`, `1.3m`, `850ms`.

    For reading, not for `parse_duration`. It rounds up so that what holds within the duration
    holds within the text too.
    """
    unit, size = next(each for each in reversed(UNITS.items()) if ms >= each[1] or "ms" in each)
    step = max(1, size // 10)
    rounded = -(-ms // step) * step
    # 59.99s is rounded to 60s, which is a larger unit's 1m.
    return f"{rounded / size:g}{unit}" if rounded == ms else approximate_duration(rounded)


def milliseconds(value: int | str) -> int:
    """Give the milliseconds of a duration, which is a text or whole milliseconds already.

    Raises DefinitionError, naming the value, for what is negative or neither.
    """
    if isinstance(value, str):
        return parse_duration(value)
    # A bool is an int to Python, but nobody means 1 ms by it.
    if isinstance(value, bool) or not isinstance(value, int):
        raise DefinitionError(f"{value!r} is neither whole milliseconds nor a text such as 5m")
    if value < 0:
        raise DefinitionError(f"{format_duration(value)} is no duration: it is negative")
    return value
