"""The most recent alerts of a table, kept beside its states so that a query need not read a topic.

They are in the broadcast state of a partition (`processor.py`), which has a fixed number of slots:
a new alert replaces the oldest.
"""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventfold.operators.processor import Context

#: Slots of a partition, and the most bytes (JSON) of a record in one.
MOST, MOST_BYTES = 100, 64 << 10

_encode = msgspec.json.Encoder().encode


def announce(record: Any, context: Context) -> None:
    """Send a record and keep it among the recent ones, the only broadcast state of that table.

    The record's own `offset` is the source offset that its header names. A record larger than
    MOST_BYTES is sent but not kept.
    """
    context.send(record, offsets=(record.offset,))
    if len(_encode(record)) > MOST_BYTES:
        return
    number = 1 + max((number for number, _ in context.shared.values()), default=-1)
    context.share(str(number % MOST), (number, record))


class Reported(NamedTuple):
    """A record that was sent: its event time (ms), its number in the partition, the record."""

    time: int
    number: int
    record: Any


def newest(shared: Mapping[str, tuple[int, Any]], limit: int) -> list[Reported]:
    """Return the `limit` newest records that a partition keeps, by event time, newest first."""
    reported = (Reported(record.time, number, record) for number, record in shared.values())
    return nlargest(limit, reported, key=lambda each: each[:2])
