"""Coverage of an answer: the partitions missing from it, and those answered by a standby.

An answer without these labels is complete. The labels are in the headers of every kind of answer,
and in the body where its type has fields for them.
"""

import re
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

#: Headers, one entry a partition, separated by commas:
#: `candles-3;lag=0;stream_time=1769869800000;worker=http://10.0.0.8:6066` and `candles-3;REASON`.
STALE = "Tickstream-Stale"
MISSING = "Tickstream-Missing"

_STALE = re.compile(
    r"(.+)-(\d{1,18});lag=(\d{1,18});stream_time=(-?\d{1,18});worker=([^;]*)", re.ASCII
)


class Missing(msgspec.Struct, frozen=True, order=True):
    """A partition that is not in an answer; `worker` is its owner's address, null if unknown."""

    table: str
    partition: int
    worker: str | None
    reason: str


class Stale(msgspec.Struct, frozen=True, order=True):
    """A partition of which a standby answers, because its owner is gone.

    `lag` are the offsets of its changelog that the standby at `worker` has not read yet: at 0 it
    has all that the owner committed. `stream_time` (ms) is how far it has come in event time.
    """

    table: str
    partition: int
    lag: Annotated[int, Meta(ge=0)]
    stream_time: int
    worker: str


def write_stale(stale: Iterable[Stale]) -> str:
    """Format the header `STALE`, its entries in order of table and partition."""
    return ", ".join(
        f"{s.table}-{s.partition};lag={s.lag};stream_time={s.stream_time};worker={s.worker}"
        for s in sorted(stale)
    )


def read_stale(text: str) -> list[Stale]:
    """Parse the header `STALE` of another worker; skip malformed entries."""
    found = map(_STALE.fullmatch, text.split(", "))
    return [
        Stale(each[1], int(each[2]), int(each[3]), int(each[4]), each[5]) for each in found if each
    ]


def write_missing(missing: Iterable[Missing]) -> str:
    """Format the header `MISSING`, its entries in order of table and partition."""
    return ", ".join(f"{each.table}-{each.partition};{each.reason}" for each in sorted(missing))
