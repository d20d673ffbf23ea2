"""The latest that a table has said, kept beside its states: a query need not read a topic.

They are values which all keys of a partition share (app/calc/process.py), as many as there are
places; a new one takes the place of the oldest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.calc.process import Context

#: Places of a partition.
MOST = 100


def announce(record: Any, context: Context) -> None:
    """Send a record, and keep it as the latest. Nothing else may be shared in that table."""
    context.send(record)
    number = 1 + max((number for number, _ in context.shared.values()), default=-1)
    context.share(str(number % MOST), (number, record))


def newest(partitions: Iterable[Mapping[str, tuple[int, Any]]], limit: int) -> list[Any]:
    """Give the newest `limit` by event time of what the partitions keep, the newest first."""
    kept = [each for shared in partitions for each in shared.values()]
    kept.sort(key=lambda each: (-each[1].time, -each[0]))
    return [record for _, record in kept[:limit]]
