"""Emit strategies: when a table publishes its open windows; final results do not depend on them."""

from typing import NamedTuple

from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError


class EmitStrategy(NamedTuple):
    """Emit strategy of a table's open windows; a final window is always published, once.

    `interval` is the least time between two results of a window, ms: 0 publishes a result for
    every record, None publishes nothing before a window is final.
    """

    interval: int | None

    def __str__(self) -> str:
        if self.interval is None:
            return "on close"
        if not self.interval:
            return "every change"
        return f"at most every {format_duration(self.interval)}"


def every_change() -> EmitStrategy:
    """Return the strategy that publishes each changed window with each record."""
    return EmitStrategy(0)


def at_most_every(interval: int | str) -> EmitStrategy:
    """Return the strategy that publishes a changed window at most once per `interval`.

    `interval` is wall-clock time: ms, or a text such as `5s`. Raises DefinitionError if it is 0.

    >>> str(at_most_every("5s"))
    'at most every 5s'
    """
    ms = milliseconds(interval)
    if ms == 0:
        raise DefinitionError("an interval of 0 between publications: use every_change()")
    return EmitStrategy(ms)


def on_close() -> EmitStrategy:
    """Return the strategy that publishes a window once, when it is final."""
    return EmitStrategy(None)
