"""A key's rows, wherever they are: here, at the worker that likely has them, or at another.

Kafka doesn't say where a key is: that is its producer's choice, and producers differ. So the
owner by the usual hash is asked first and the other workers after it, all at once. "Unknown"
is said only when those asked had every partition open between them; while one is moving the
answer is "ask again", or with `?stale=true` what a standby has, labelled so.
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

#: What finds something in the partitions open here; None where there is nothing.
Here = Callable[[], Awaitable[Any | None]]

APP: web.AppKey[AppT] = web.AppKey("APP", AppT)


def state_tables(app: AppT) -> dict[str, StateTable]:
    """Give this project's tables by name, without Faust's own."""
    tables: dict[str, Any] = dict(app.tables)
    return {name: table for name, table in tables.items() if isinstance(table, StateTable)}


def served(
    request: web.Request, name: str, missing: str, pipeline: str, kind: type[Any] = StateTable
) -> Any:
    """Give a table of this kind. Raises ApiError (404), `missing` and why, where there is none."""
    table = state_tables(request.app[APP]).get(name)
    if not isinstance(table, kind):
        raise unknown(f"{missing}: the pipeline {pipeline!r} does not run")
    return table


async def answer(
    request: web.Request, table: StateTable, key: str, here: Here, what: str
) -> web.Response:
    """Answer with what `here()` finds, or with what another worker finds.

    `here` gives None where the key is in no partition open here; `what` names the key in the
    sentence "unknown ...". Raises ApiError: 404, or 503 while a partition that may have the
    key is moving.
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
    """Answer for a key that is in no partition open here. Raises ApiError as `answer` does."""
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
    """Give what a standby has: this worker's, or another's."""
    found = await _followed_here(search, [each.partition for each in search.missing], here)
    if found is not None:
        return found
    replies = await ask_standbys(search, request)
    return next((reply.response for reply in replies if reply.response is not None), None)


async def _nothing() -> None:
    """Find nothing here."""


async def _followed_here(
    search: Search, partitions: Iterable[int], here: Here
) -> web.Response | None:
    """Give what a standby of this worker has, labelled with its partition."""
    for partition in partitions:
        for state in search.standbys_here([partition]):
            with state.table.reading([state]):
                value = await read_here(state.table, here)
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
    """Answer another worker from what is followed here."""
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
    """Give whom to ask first, and whom after that."""
    likely = likely_owner(owned, key)
    return others([likely], me), others(owned.values(), me, likely)


def _not_here(table: StateTable, what: str) -> ApiError:
    error = unknown(f"unknown {what} in the partitions of this worker")
    error.headers[PARTITIONS] = listed(table.partitions)
    return error
