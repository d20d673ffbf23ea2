"""One search through the partitions of a table: where it has been, and what it could not reach."""

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

#: Why a partition is missing whose owner answers.
MOVING = "moving or not restored yet"


class Search:
    """Notes which partitions of a table were searched, and why others were not.

    Raises ApiError (503) where no partition is assigned yet.
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
        #: Workers that did not answer, and why.
        self.silent: dict[str, str] = {}

    def note(self, replies: Iterable[Reply]) -> None:
        """Note where other workers have looked, or that they did not answer."""
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
        """Raise ApiError (503) where not all that is owned has been searched."""
        demand_none(self.missing)

    # -- standbys

    def standbys_here(self, partitions: Iterable[int]) -> list[PartitionState]:
        """Give the standbys of partitions that this worker follows; their lag is noted."""
        found = []
        for partition in partitions:
            state = self.table.standby_state(partition)
            if state is not None:
                found.append(state)
                self.searched.add(partition)
                self.stale.append(_stale(self.app, state))
        return found


def demand_none(missing: Sequence[Missing]) -> None:
    """Raise ApiError (503) where partitions of a table are missing."""
    if missing:
        which = ",".join(str(each.partition) for each in missing)
        what = f"partition {which} of table {missing[0].table} is {MOVING}"
        raise unavailable(what, missing)


def _stale(app: AppT, state: PartitionState) -> Stale:
    table = state.table
    lag = table.standby_lag(state.partition)
    return Stale(table.name, state.partition, lag, state.meta.stream_time, own_url(app))


class Gathered(Generic[T]):
    """What all workers have of a table, each part with a word on where it comes from."""

    def __init__(self, parts: list[T], missing: list[Missing], stale: list[Stale]) -> None:
        self.parts = parts
        self.missing = missing
        self.stale = stale

    def label(self, response: web.Response) -> web.Response:
        """Say in an answer's headers what it lacks, and what of it is stale."""
        label(response, self.missing, self.stale)
        return response


def label(response: web.Response, missing: list[Missing], stale: list[Stale]) -> None:
    """Say in an answer's headers what it lacks, and what of it is stale."""
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
    """Ask every worker for its part, all at once; with `?stale=true` standbys for the rest.

    `here` gives this worker's part, `decode` reads another's. Raises ApiError (503) while not
    all partitions can be reached, unless the request says `?partial=true`.
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
    """Give this worker's part, where another worker asks for it; else None."""
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
    """Give what `here` reads of all partitions here. Raises ApiError (503) where one is closed."""
    try:
        with table.kept_open():
            return await here()
    except ClosedMeanwhileError:
        raise unavailable(f"a partition of table {table.name} is {MOVING}") from None


async def ask_standbys(search: Search, request: web.Request) -> list[Reply]:
    """Ask the workers for what they follow of the partitions that are still missing.

    One after the other: a partition that two follow must not be in an answer twice.
    """
    replies: list[Reply] = []
    # Whoever follows a partition need not own one of the same table.
    for url in others(distribution(search.app), own_url(search.app)):
        missing = [each.partition for each in search.missing]
        if url in search.silent or not missing:
            continue
        found = await ask(search.app, [url], request.rel_url, {STANDBY: listed(missing)})
        search.note(found)
        replies += found
    return replies


def wants(request: web.Request, flag: str) -> bool:
    """Say whether a request allows an answer to be `stale` or `partial`."""
    return request.query.get(flag) == "true"


def asked_standbys(request: web.Request) -> list[int] | None:
    """Give the partitions of which another worker asks for our standbys; None if it does not."""
    if FORWARDED not in request.headers or STANDBY not in request.headers:
        return None
    return read_partitions(request.headers[STANDBY])


def say_searched(response: web.Response, partitions: Iterable[int]) -> web.Response:
    """Say in an answer to another worker which partitions were looked through."""
    response.headers[PARTITIONS] = listed(partitions)
    return response


def listed(partitions: Iterable[int]) -> str:
    """Give partitions as text: `0,2,5`."""
    return ",".join(map(str, sorted(partitions)))
