"""When a table says what has changed: a choice for each table, without effect on what is final."""

from typing import NamedTuple

from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError


class Emission(NamedTuple):
    """How often the windows that are still open are published; final ones always are, once.

    `interval` in ms: 0 publishes a result for every record, None nothing before a window is
    final.
    """

    interval: int | None

    def __str__(self) -> str:
        if self.interval is None:
            return "on close"
        if not self.interval:
            return "every change"
        return f"at most every {format_duration(self.interval)}"


def every_change() -> Emission:
    """Publish, with each record, the windows that it is in.

    Every step is seen, and pays for a result: choose it where each one matters.
    """
    return Emission(0)


def at_most_every(interval: int | str) -> Emission:
    """Publish a changed window at most once per `interval` (ms, or text such as `5s`).

    Raises DefinitionError for an interval of nothing.
    """
    ms = milliseconds(interval)
    if ms == 0:
        raise DefinitionError("an interval of 0 between publications: use every_change()")
    return Emission(ms)


def on_close() -> Emission:
    """Publish a window once, when it is final."""
    return Emission(None)
