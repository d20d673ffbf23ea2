"""Cluster-wide lookup of a key: in local state, at its likely owner, then at all other workers.

Kafka does not know the partition of a key: its producer chooses one, and producers differ. So the
owner by the usual hash is asked first, then the other workers, all at once. The answer is 404 only
if the workers asked had every partition open between them. While a partition is moving it is 503,
or with `?stale=true` the rows of a standby, labelled as such.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web
from faust.types import AppT

from eventfold.engine.table import StateTable
from eventfold.web.coverage import STALE, write_stale
from eventfold.web.errors import ApiError, unknown
from eventfold.web.owners import likely_owner, others, own_url
from eventfold.web.peers import FORWARDED, PARTITIONS, ask
from eventfold.web.routes import json_response
from eventfold.web.search import (
    Search,
    ask_standbys,
    asked_standbys,
    label,
    listed,
    read_here,
    say_searched,
    wants,
)

#: Function that reads a result from the local partitions; None if they have none.
Here = Callable[[], Awaitable[Any | None]]

APP: web.AppKey[AppT] = web.AppKey("APP", AppT)


def state_tables(app: AppT) -> dict[str, StateTable]:
    """Return the application's StateTables by name, without Faust's own tables."""
    tables: dict[str, Any] = dict(app.tables)
    return {name: table for name, table in tables.items() if isinstance(table, StateTable)}


def served(
    request: web.Request, name: str, missing: str, pipeline: str, kind: type[Any] = StateTable
) -> Any:
    """Return the table `name` of type `kind`.

    Raises ApiError (404) with the text `missing`, and that `pipeline` does not run, if there is
    none.
    """
    table = state_tables(request.app[APP]).get(name)
    if not isinstance(table, kind):
        raise unknown(f"{missing}: the pipeline {pipeline!r} does not run")
    return table


async def answer(
    request: web.Request, table: StateTable, key: str, here: Here, what: str
) -> web.Response:
    """Answer with the result of `here()`, or with that of another worker.

    `here` returns None if the key is in no local partition. `what` names the key in the message
    "unknown ...". Raises ApiError: 404, or 503 while a partition that may have the key is moving.
    """
    asked = asked_standbys(request)
    if asked is not None:
        return await _standbys_answer(request.app[APP], table, asked, here, what)
    value = await read_here(table, here)
    if value is not None:
        return json_response(value)
    return await elsewhere(request, table, key, what, here)


async def elsewhere(
    request: web.Request,
    table: StateTable,
    key: str,
    what: str,
    here: Here | None = None,
) -> web.Response:
    """Answer for a key that is in no local partition. Raises ApiError as `answer` does."""
    if FORWARDED in request.headers:
        raise _not_here(table, what)
    app = request.app[APP]
    search = Search(app, table)
    for urls in _rounds(search.owned, key, own_url(app)):
        replies = await ask(app, urls, request.rel_url)
        search.note(replies)
        for reply in replies:
            if reply.response is not None:
                return reply.response
    if search.missing and wants(request, "stale"):
        found = await _at_standbys(request, search, here or _nothing)
        if found is not None:
            return found
    search.demand_all()
    error = unknown(f"unknown {what}")
    if search.stale:
        error.headers[STALE] = write_stale(search.stale)
    raise error


async def _at_standbys(request: web.Request, search: Search, here: Here) -> web.Response | None:
    """Return the answer of a standby, local or remote; None if no standby has the key."""
    found = await _followed_here(search, [each.partition for each in search.missing], here)
    if found is not None:
        return found
    replies = await ask_standbys(search, request)
    return next((reply.response for reply in replies if reply.response is not None), None)


async def _nothing() -> None:
    """Return None: the caller has no local read."""


async def _followed_here(
    search: Search, partitions: Iterable[int], here: Here
) -> web.Response | None:
    """Return the answer of a local standby, labelled with its partition; None if there is none."""
    for partition in partitions:
        for state in search.standbys_here([partition]):
            with search.table.reading([state]):
                value = await read_here(search.table, here)
            if value is not None:
                response = json_response(value)
                label(response, [], search.stale[-1:])
                return response
    return None


async def _standbys_answer(
    app: AppT,
    table: StateTable,
    partitions: Iterable[int],
    here: Here,
    what: str,
) -> web.Response:
    """Answer another worker from the local standbys of `partitions`.

    Raises ApiError (404) if none has the key, with the partitions that were searched.
    """
    search = Search(app, table)
    search.searched.clear()
    found = await _followed_here(search, partitions, here)
    if found is not None:
        return say_searched(found, search.searched)
    error = unknown(f"unknown {what} in what this worker follows")
    error.headers[PARTITIONS] = listed(search.searched)
    if search.stale:
        error.headers[STALE] = write_stale(search.stale)
    raise error


def _rounds(owned: dict[int, str], key: str, me: str) -> tuple[list[str], list[str]]:
    """Return the workers to ask first, and those to ask after them."""
    likely = likely_owner(owned, key)
    return others([likely], me), others(owned.values(), me, likely)


def _not_here(table: StateTable, what: str) -> ApiError:
    error = unknown(f"unknown {what} in the partitions of this worker")
    error.headers[PARTITIONS] = listed(table.partitions)
    return error
