"""Expected class of a simulated log line, from the way the simulator makes lines."""

import json
import re

from app.logs import simulator as logs

#: Class of each severity: `logs-CLASS` is where its lines go.
CLASSES = ("critical", "critical", "critical", "error", "warning", "info", "info", "info")


def severity(line: bytes) -> int | None:
    """Return the severity of a simulated line, from the way such lines are made."""
    if found := re.match(rb"<(\d+)>(?:1 (?:\S+ ){5}[-\[]|[A-Z][a-z]{2} )", line):
        return int(found[1]) % 8 if int(found[1]) < 192 else None
    try:
        value = json.loads(line)
        level = value.get("severity", value.get("level", value.get("log", {}).get("level")))
        if isinstance(level, int):
            return level
        (number,) = {
            words.split().index(level) for words in logs._WORDS.values() if level in words.split()
        }
    except (ValueError, AttributeError):
        return None
    return number
