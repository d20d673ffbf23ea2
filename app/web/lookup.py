"""A key's rows, wherever they are: here, at the worker that likely has them, or at another.

Kafka doesn't say where a key is: that is its producer's choice, and producers differ. So the
owner by the usual hash is asked first and the other workers after it, all at once. "Unknown"
is said only when those asked had every partition open between them; while one is moving the
answer is "ask again".
"""

from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web
from faust.types import AppT

from app.state.table import StateTable
from app.web.errors import ApiError, unavailable, unknown
from app.web.owners import likely_owner, own_url, owners
from app.web.peers import FORWARDED, PARTITIONS, ask
from app.web.routes import json_response

APP: web.AppKey[AppT] = web.AppKey("APP", AppT)


def state_tables(app: AppT) -> dict[str, StateTable]:
    """Give this project's tables by name, without Faust's own."""
    tables: dict[str, Any] = dict(app.tables)
    return {name: table for name, table in tables.items() if isinstance(table, StateTable)}


async def answer(
    request: web.Request, table: StateTable, key: str, here: Callable[[], Any | None], what: str
) -> web.Response:
    """Answer with what `here()` finds, or with what another worker finds.

    `here` gives None where the key is in no partition open here; `what` names the key in the
    sentence "unknown ...". Raises ApiError: 404, or 503 while a partition that may have the
    key is moving.
    """
    value = here()
    if value is not None:
        return json_response(value)
    return await elsewhere(request, table, key, what)


async def elsewhere(request: web.Request, table: StateTable, key: str, what: str) -> web.Response:
    """Answer for a key that is in no partition open here. Raises ApiError as `answer` does."""
    if FORWARDED in request.headers:
        raise _not_here(table, what)
    app = request.app[APP]
    owned = demand_owners(app, table)
    searched = set(table.partitions)
    for urls in _rounds(owned, key, own_url(app)):
        for reply in await ask(app, urls, request.rel_url):
            if reply.response is not None:
                return reply.response
            searched |= reply.partitions
    demand_all(table, owned, searched)
    raise unknown(f"unknown {what}")


def demand_owners(app: AppT, table: StateTable) -> dict[int, str]:
    """Give partition → owner's address. Raises ApiError (503) before an assignment."""
    owned = owners(app, table.source.name)
    if not owned:
        raise unavailable(f"no partition of {table.source.name} is assigned yet")
    return owned


def demand_all(table: StateTable, owned: Iterable[int], searched: Iterable[int]) -> None:
    """Raise ApiError (503) where not all that is owned has been searched."""
    if moving := sorted(set(owned).difference(searched)):
        which = f"partition {listed(moving)} of table {table.name}"
        raise unavailable(f"{which} is moving or not restored yet")


def listed(partitions: Iterable[int]) -> str:
    """Give partitions as text: `0,2,5`."""
    return ",".join(map(str, partitions))


def others(urls: Iterable[str], *but: str) -> list[str]:
    """Give each of `urls` once, without `but`."""
    return [url for url in dict.fromkeys(urls) if url not in but]


def _rounds(owned: dict[int, str], key: str, me: str) -> tuple[list[str], list[str]]:
    """Give whom to ask first, and whom after that."""
    likely = likely_owner(owned, key)
    return others([likely], me), others(owned.values(), me, likely)


def _not_here(table: StateTable, what: str) -> ApiError:
    error = unknown(f"unknown {what} in the partitions of this worker")
    error.headers[PARTITIONS] = listed(table.partitions)
    return error
