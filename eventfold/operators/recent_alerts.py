"""The latest that a table has said, kept beside its states: a query need not read a topic.

They are values which all keys of a partition share (`processor.py`), as many as there are places; a
new one takes the place of the oldest.
"""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventfold.operators.processor import Context

#: Places of a partition, and the most bytes (JSON) of what is in one.
MOST, MOST_BYTES = 100, 64 << 10

_encode = msgspec.json.Encoder().encode


def announce(record: Any, context: Context) -> None:
    """Send a record, and keep it as the latest. Nothing else may be shared in that table.

    It says itself by `offset` what it was made of, which its header names. One that is too large
    to be kept is sent all the same.
    """
    context.send(record, offsets=(record.offset,))
    if len(_encode(record)) > MOST_BYTES:
        return
    number = 1 + max((number for number, _ in context.shared.values()), default=-1)
    context.share(str(number % MOST), (number, record))


class Told(NamedTuple):
    """What was said: its time (ms), its number in the partition, the record itself."""

    time: int
    number: int
    record: Any


def newest(shared: Mapping[str, tuple[int, Any]], limit: int) -> list[Told]:
    """Give the newest `limit` by event time of what a partition keeps, the newest first."""
    told = (Told(record.time, number, record) for number, record in shared.values())
    return nlargest(limit, told, key=lambda each: each[:2])
