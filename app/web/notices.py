"""`/api/alerts` and its like: the latest that a table of keys has said, of all its partitions."""

from heapq import nlargest

import msgspec
from aiohttp import web

from app.calc.latest import Told, newest
from app.state.keyed_table import KeyedTable
from app.web.errors import unknown
from app.web.lookup import APP, demand_all, demand_owners, listed, others, state_tables
from app.web.owners import own_url
from app.web.parameters import Values
from app.web.peers import FORWARDED, PARTITIONS, Reply, ask
from app.web.routes import json_response

#: By partition; a record another worker has is passed on as it is.
Parts = dict[int, list[Told]]

_decode = msgspec.json.Decoder(dict[int, list[tuple[int, int, msgspec.Raw]]]).decode


async def alerts(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest alerts about cards, the newest first."""
    return await _latest(request, values["limit"], "fraud", "fraud")


async def maintenance(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest about machines, the newest first."""
    return await _latest(request, values["limit"], "machines", "maintenance")


async def beacons(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest beacons, the newest first."""
    return await _latest(request, values["limit"], "beacons", "beaconing")


async def service_actions(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest service actions, the newest first."""
    return await _latest(request, values["limit"], "guests", "hotel")


async def _latest(request: web.Request, limit: int, name: str, pipeline: str) -> web.StreamResponse:
    """Answer from all partitions of a table, or not at all. Raises ApiError: 404, 503."""
    app = request.app[APP]
    table = state_tables(app).get(name)
    if not isinstance(table, KeyedTable):
        raise unknown(f"there is nothing of this here: the pipeline {pipeline!r} does not run")
    searched, found = set(table.partitions), _here(table, limit)
    if FORWARDED in request.headers:
        response = json_response(found)
        response.headers[PARTITIONS] = listed(searched)
        return response
    owned = demand_owners(app, table)
    for reply in await ask(app, others(owned.values(), own_url(app)), request.rel_url):
        # Of a partition that moves, two may have the same: it counts once.
        found = _there(reply) | found
        searched |= reply.partitions
    demand_all(table, owned, searched)
    told = (each for part in found.values() for each in part)
    return json_response([each.record for each in nlargest(limit, told, key=lambda t: t[:2])])


def _here(table: KeyedTable, limit: int) -> Parts:
    return {state.partition: newest(state.shared, limit) for state in table.keyed_states()}


def _there(reply: Reply) -> Parts:
    body = reply.response.body if reply.response is not None else None
    parts = _decode(body) if isinstance(body, bytes) else {}
    return {number: [Told(*each) for each in part] for number, part in parts.items()}
