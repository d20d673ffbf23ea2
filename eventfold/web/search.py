"""Search across all workers: the partitions of a table that were read, and those out of reach."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

from aiohttp import web
from faust.types import AppT

from eventfold.engine.errors import ClosedMeanwhileError
from eventfold.engine.partition import PartitionState
from eventfold.engine.table import StateTable
from eventfold.web.coverage import (
    MISSING,
    STALE,
    Missing,
    Stale,
    read_stale,
    write_missing,
    write_stale,
)
from eventfold.web.errors import unavailable
from eventfold.web.owners import distribution, others, own_url, owners
from eventfold.web.peers import FORWARDED, PARTITIONS, STANDBY, Reply, ask, read_partitions
from eventfold.web.routes import json_response

T = TypeVar("T")

#: Reason why a partition is missing although its owner answers.
MOVING = "moving or not restored yet"


class Search:
    """Record of the partitions of a table that were searched, and why others were not.

    Raises ApiError (503) if no partition is assigned yet.
    """

    def __init__(self, app: AppT, table: StateTable) -> None:
        self.app = app
        self.table = table
        #: Partition → address of its owner.
        self.owned = owners(app, table.source.name)
        if not self.owned:
            raise unavailable(f"no partition of {table.source.name} is assigned yet")
        self.searched = set(table.partitions)
        self.stale: list[Stale] = []
        #: Worker that did not answer → reason.
        self.silent: dict[str, str] = {}

    def note(self, replies: Iterable[Reply]) -> None:
        """Record the partitions that other workers searched, and the workers without an answer."""
        for reply in replies:
            self.searched |= reply.partitions
            if reply.silence is not None:
                self.silent[reply.worker] = reply.silence
            self.stale += read_stale(reply.stale)

    @property
    def missing(self) -> list[Missing]:
        """The partitions that were not searched."""
        return [self._missing(each) for each in sorted(set(self.owned).difference(self.searched))]

    def _missing(self, partition: int) -> Missing:
        worker = self.owned[partition]
        silence = self.silent.get(worker)
        reason = MOVING if silence is None else f"its worker does not answer: {silence}"
        return Missing(self.table.name, partition, worker, reason)

    def demand_all(self) -> None:
        """Raise ApiError (503) if any owned partition has not been searched."""
        demand_none(self.missing)

    # -- standbys

    def standbys_here(self, partitions: Iterable[int]) -> list[PartitionState]:
        """Return the local standbys of `partitions`; record them as searched, with their lag."""
        found = []
        for partition in partitions:
            state = self.table.standby_state(partition)
            if state is not None:
                found.append(state)
                self.searched.add(partition)
                self.stale.append(_stale(self.app, self.table, state))
        return found


def demand_none(missing: Sequence[Missing]) -> None:
    """Raise ApiError (503) if partitions of a table are missing."""
    if missing:
        which = ",".join(str(each.partition) for each in missing)
        what = f"partition {which} of table {missing[0].table} is {MOVING}"
        raise unavailable(what, missing)


def _stale(app: AppT, table: StateTable, state: PartitionState) -> Stale:
    lag = table.standby_lag(state.partition)
    return Stale(table.name, state.partition, lag, state.meta.stream_time, own_url(app))


class Gathered(Generic[T]):
    """Parts of an answer from all workers, with the partitions that are missing or stale."""

    def __init__(self, parts: list[T], missing: list[Missing], stale: list[Stale]) -> None:
        self.parts = parts
        self.missing = missing
        self.stale = stale

    def label(self, response: web.Response) -> web.Response:
        """Set the headers `MISSING` and `STALE` of a response, and return it."""
        label(response, self.missing, self.stale)
        return response


def label(response: web.Response, missing: list[Missing], stale: list[Stale]) -> None:
    """Set the headers `MISSING` and `STALE` of a response, each only if it has entries."""
    if missing:
        response.headers[MISSING] = write_missing(missing)
    if stale:
        response.headers[STALE] = write_stale(stale)


async def gather(
    app: AppT,
    request: web.Request,
    table: StateTable,
    here: Callable[[], Awaitable[T]],
    decode: Callable[[bytes], T],
) -> Gathered[T]:
    """Ask every worker for its part, all at once; with `?stale=true` ask standbys for the rest.

    `here` returns the local part, `decode` parses that of another worker. Raises ApiError (503)
    if a partition can't be reached, unless the request has `?partial=true`.
    """
    search = Search(app, table)
    parts = [await read_here(table, here)]
    replies = await ask(app, others(search.owned.values(), own_url(app)), request.rel_url)
    search.note(replies)
    if search.missing and wants(request, "stale"):
        states = search.standbys_here(each.partition for each in search.missing)
        with table.reading(states):
            parts.append(await read_here(table, here))
        replies += await ask_standbys(search, request)
    parts += [decode(reply.body) for reply in replies if reply.body is not None]
    if not wants(request, "partial"):
        demand_none(search.missing)
    return Gathered(parts, search.missing, search.stale)


async def own_part(
    app: AppT, request: web.Request, table: StateTable, here: Callable[[], Awaitable[object]]
) -> web.Response | None:
    """Return the local part if another worker asks for it; None for a client's request.

    Raises ApiError (503) if a partition closes meanwhile.
    """
    if FORWARDED not in request.headers:
        return None
    asked = asked_standbys(request)
    if asked is None:
        partitions = table.partitions
        return say_searched(json_response(await read_here(table, here)), partitions)
    search = Search(app, table)
    states = search.standbys_here(asked)
    with table.reading(states):
        response = json_response(await read_here(table, here))
    label(response, [], search.stale)
    return say_searched(response, [state.partition for state in states])


async def read_here(table: StateTable, here: Callable[[], Awaitable[T]]) -> T:
    """Return the result of `here()`. Raises ApiError (503) if a partition closes meanwhile."""
    try:
        with table.kept_open():
            return await here()
    except ClosedMeanwhileError:
        raise unavailable(f"a partition of table {table.name} is {MOVING}") from None


async def ask_standbys(search: Search, request: web.Request) -> list[Reply]:
    """Ask workers for their standbys of the partitions that are still missing.

    One after the other: a partition with two standbys must not be in an answer twice.
    """
    replies: list[Reply] = []
    # All workers, since one with a standby need not own a partition of the same table.
    for url in others(distribution(search.app), own_url(search.app)):
        missing = [each.partition for each in search.missing]
        if url in search.silent or not missing:
            continue
        found = await ask(search.app, [url], request.rel_url, {STANDBY: listed(missing)})
        search.note(found)
        replies += found
    return replies


def wants(request: web.Request, flag: str) -> bool:
    """Return whether a request allows an answer to be `stale` or `partial`."""
    return request.query.get(flag) == "true"


def asked_standbys(request: web.Request) -> list[int] | None:
    """Return the partitions whose local standbys another worker asks for; None if it does not."""
    if FORWARDED not in request.headers or STANDBY not in request.headers:
        return None
    return read_partitions(request.headers[STANDBY])


def say_searched(response: web.Response, partitions: Iterable[int]) -> web.Response:
    """Set the header with the partitions searched for another worker, and return the response."""
    response.headers[PARTITIONS] = listed(partitions)
    return response


def listed(partitions: Iterable[int]) -> str:
    """Format partitions as the text of a header: `0,2,5`."""
    return ",".join(map(str, sorted(partitions)))
