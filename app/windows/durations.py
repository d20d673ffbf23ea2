"""Durations as people write them: `500ms`, `30s`, `5m`, `4h`, `8d`."""

import re

#: Unit → milliseconds.
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Give the milliseconds of `text`, a whole number and one unit of ms, s, m, h, d.

    Raises ValueError, naming the text, for anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 500ms, 30s, 5m, 4h or 8d")
    return int(match[1]) * UNITS[match[2]]


def format_duration(ms: int) -> str:
    """Give the shortest text that `parse_duration` reads back as `ms`."""
    for unit, size in reversed(UNITS.items()):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"
