"""Log alerts: errors apart from the rest, and an alert for a service with many of them."""

from typing import Any

import eventfold as ef

app = ef.App("log-alerts")


class Line(ef.Record):
    """A line of a service's log."""

    service: str
    level: str
    text: str
    time: int


class Alert(ef.Record):
    """A service logged many errors in a minute that began at `start` (ms)."""

    service: str
    errors: int
    texts: int
    start: int


lines = ef.Topic("log-lines", Line, key="service")
errors = ef.Topic("log-errors", Line, key="service")


@app.route(lines, outputs=[errors, "log-others"])
def by_level(line: Line) -> str:
    """Return the topic of a line."""
    return "log-errors" if line.level in {"error", "critical"} else "log-others"


minutes = app.window_table(
    "error-minutes",
    errors,
    ef.tumbling("1m"),
    grace="10s",
    emit=ef.on_close(),
    texts=ef.distinct("text"),
)


def many(minute: Any) -> Alert | None:
    """Return the alert of a minute with at least 3 errors."""
    if minute.count < 3:
        return None
    return Alert(minute.service, minute.count, minute.texts, minute.start)


alerts = minutes.on_final(many, to="log-alerts")
