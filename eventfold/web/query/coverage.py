"""Coverage of an answer: the partitions missing from it, and those answered by a standby.

An answer without these labels is complete. The labels are in the headers of every kind of answer,
and in the body where its type has fields for them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from aiohttp import web
from aiokafka.partitioner import DefaultPartitioner
from faust.types import AppT
from msgspec import Meta
from yarl import URL

from eventfold.decoding import read_digits
from eventfold.engine.partition import PartitionState
from eventfold.engine.table import StateTable
from eventfold.web.errors import MOVING, Missing, unavailable
from eventfold.web.query.peers import (
    PARTITIONS,
    STANDBY,
    Reply,
    ask,
    own_url,
    owners,
    remote_workers,
)

#: Headers, one entry a partition, separated by commas:
#: `candles-3;lag=0;stream_time=1769869800000;worker=http://10.0.0.8:6066` and `candles-3;REASON`.
STALE = "Tickstream-Stale"
MISSING = "Tickstream-Missing"

_partition = DefaultPartitioner()

_STALE = re.compile(
    r"(.+)-(\d{1,18});lag=(\d{1,18});stream_time=(-?\d{1,18});worker=([^;]*)", re.ASCII
)


def likely_owner(owned: Mapping[int, str], key: str) -> str:
    """Return the likely owner of `key`, to ask first. Raises KeyError if `owned` is empty."""
    # By murmur2, as Java's producer and ours partition; others do not (librdkafka's default is
    # CRC32).
    if not owned:
        raise KeyError(key)
    partitions = sorted(owned)
    return owned[_partition(key.encode(), partitions, partitions)]


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


class Coverage:
    """The partitions of a table that were searched for an answer, and why others were not.

    Raises ApiError (503) if no partition is assigned yet.
    """

    def __init__(self, app: AppT, table: StateTable, searched: Iterable[int]) -> None:
        self.app = app
        self.table = table
        #: Partition → address of its owner.
        self.owned = owners(app, table.source.name)
        if not self.owned:
            raise unavailable(f"no partition of {table.source.name} is assigned yet")
        self.searched = set(searched)
        self.stale: list[Stale] = []
        #: Worker that did not answer → reason.
        self.unreachable: dict[str, str] = {}

    async def ask(
        self, urls: Iterable[str], path: URL, headers: Mapping[str, str] | None = None
    ) -> list[Reply]:
        """Request `path` from others among `urls`, at once; record what they searched."""
        replies = await ask(self.app, remote_workers(self.app, urls), path, headers)
        for reply in replies:
            self.searched.update(read_partitions(reply.headers.get(PARTITIONS, "")))
            self.stale += read_stale(reply.headers.get(STALE, ""))
            if reply.failure is not None:
                self.unreachable[reply.worker] = reply.failure
        return replies

    async def ask_owners_of(self, key: str, path: URL) -> list[Reply]:
        """Request `path` from the likely owner of a key; if it lacks the key, from all others."""
        likely = likely_owner(self.owned, key)
        replies = await self.ask([likely], path)
        if any(reply.body is not None for reply in replies):
            return replies
        return await self.ask([url for url in self.owned.values() if url != likely], path)

    async def ask_standbys(self, path: URL) -> list[Reply]:
        """Request `path` from standbys of missing partitions."""
        # One after the other: a partition with two standbys must not be in an answer twice.
        replies: list[Reply] = []
        # All workers, since one with a standby need not own a partition of the same table.
        for url in remote_workers(self.app):
            missing = self.missing_partitions
            if missing and url not in self.unreachable:
                replies += await self.ask([url], path, {STANDBY: write_partitions(missing)})
        return replies

    def add_standby(self, state: PartitionState) -> None:
        """Record a local standby as searched, with its lag."""
        table, number = self.table, state.partition
        lag, stream_time = table.standby_lag(number), state.meta.stream_time
        self.searched.add(number)
        self.stale.append(Stale(table.name, number, lag, stream_time, own_url(self.app)))

    @property
    def missing(self) -> list[Missing]:
        """The partitions that were not searched, each with the reason."""
        return [self._missing(each) for each in self.missing_partitions]

    @property
    def missing_partitions(self) -> list[int]:
        """The numbers of the partitions that were not searched."""
        return sorted(self.owned.keys() - self.searched)

    def _missing(self, partition: int) -> Missing:
        worker = self.owned[partition]
        failure = self.unreachable.get(worker)
        reason = MOVING if failure is None else f"its worker does not answer: {failure}"
        return Missing(self.table.name, partition, worker, reason)

    def require_all(self) -> None:
        """Raise ApiError (503) if any owned partition has not been searched."""
        missing = self.missing
        if missing:
            which = ",".join(str(each.partition) for each in missing)
            raise unavailable(f"partition {which} of table {self.table.name} is {MOVING}", missing)

    def label(self, response: web.Response) -> web.Response:
        """Set the headers `MISSING` and `STALE`, each only if it has entries; return `response`."""
        if self.missing:
            entries = (f"{m.table}-{m.partition};{m.reason}" for m in self.missing)
            response.headers[MISSING] = ", ".join(entries)
        return label_stale(response, self.stale)


def label_stale(response: web.Response, stale: Iterable[Stale]) -> web.Response:
    """Set the header `STALE` if it has entries, in order of table and partition."""
    entries = [
        f"{s.table}-{s.partition};lag={s.lag};stream_time={s.stream_time};worker={s.worker}"
        for s in sorted(stale)
    ]
    if entries:
        response.headers[STALE] = ", ".join(entries)
    return response


def read_stale(text: str) -> list[Stale]:
    """Parse the header `STALE` of another worker; skip malformed entries."""
    found = map(_STALE.fullmatch, text.split(", "))
    return [
        Stale(each[1], int(each[2]), int(each[3]), int(each[4]), each[5]) for each in found if each
    ]


def read_partitions(text: str) -> list[int]:
    """Parse the partitions in a header of another worker, `0,2,5`; skip anything else."""
    numbers = map(read_digits, text.split(","))
    return [number for number in numbers if number is not None]


def write_partitions(partitions: Iterable[int]) -> str:
    """Format partitions as the text of a header: `0,2,5`."""
    return ",".join(map(str, sorted(partitions)))
