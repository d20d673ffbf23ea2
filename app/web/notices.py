"""`/api/alerts` and its like: the latest that a table of keys has said, of all its partitions."""

from collections.abc import Callable
from heapq import nlargest
from typing import Any

import msgspec
from aiohttp import web

from app.web.lookup import APP, served
from app.web.parameters import Values
from app.web.routes import json_response
from app.web.search import gather, own_part
from eventfold.decoding import json_decoder
from eventfold.engine.keyed_table import KeyedTable
from eventfold.operators.recent_alerts import newest

#: Time (ms), number in its partition, record; one that another worker has is passed on as it is.
Told = tuple[int, int, Any]

Parts = dict[int, list[Told]]

_decode: Callable[[bytes], Parts] = json_decoder(dict[int, list[tuple[int, int, msgspec.Raw]]])


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
    table: KeyedTable = served(request, name, "there is nothing of this here", pipeline, KeyedTable)

    async def here() -> Parts:
        return {s.partition: list(newest(s.shared, limit)) for s in table.keyed_states()}

    own = await own_part(app, request, table, here)
    if own is not None:
        return own
    gathered = await gather(app, request, table, here, _decode)
    # Of a partition that moves, two may have the same: it counts once.
    found = {number: part for parts in reversed(gathered.parts) for number, part in parts.items()}
    told = nlargest(limit, (each for part in found.values() for each in part), key=_order)
    return gathered.label(json_response([record for _, _, record in told]))


def _order(told: Told) -> tuple[int, int]:
    time, number, _ = told
    return time, number
