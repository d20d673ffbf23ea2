"""Latest alerts of a keyed table, from all its partitions."""

from collections.abc import Callable
from heapq import nlargest
from typing import Any

import msgspec
from aiohttp import web

from eventfold.decoding import json_decoder
from eventfold.engine.keyed_table import KeyedTable
from eventfold.operators.recent_alerts import newest
from eventfold.web import parameters as p
from eventfold.web.lookup import APP, served
from eventfold.web.routes import ASKING, Route, json_response
from eventfold.web.search import gather, own_part

#: Event time (ms), number in its partition, record; another worker's record is passed on undecoded.
Told = tuple[int, int, Any]

Parts = dict[int, list[Told]]

_decode: Callable[[bytes], Parts] = json_decoder(dict[int, list[tuple[int, int, msgspec.Raw]]])


def latest_route(
    path: str, returns: Any, summary: str, *, table: str, pipeline: str, operation: str
) -> Route:
    """Return the route of the latest alerts of a keyed table, which are a list `returns`."""

    async def answer(request: web.Request, values: p.Values) -> web.StreamResponse:
        return await answer_latest(request, values["limit"], table, pipeline)

    limit = p.limit("How many at most", default=20, most=100)
    return Route(
        path, answer, summary, returns, parameters=(limit,), statuses=ASKING, operation=operation
    )


async def answer_latest(
    request: web.Request, limit: int, name: str, pipeline: str
) -> web.StreamResponse:
    """Answer with the latest `limit` records that the keyed table `name` announced, newest first.

    Raises ApiError: 404 if the table's `pipeline` does not run, 503 if a partition can't be
    reached.
    """
    app = request.app[APP]
    table: KeyedTable = served(request, name, "there is nothing of this here", pipeline, KeyedTable)

    async def here() -> Parts:
        return {s.partition: list(newest(s.shared, limit)) for s in table.keyed_states()}

    own = await own_part(app, request, table, here)
    if own is not None:
        return own
    gathered = await gather(app, request, table, here, _decode)
    # While a partition moves, two workers may report it; the first one counts.
    found = {number: part for parts in reversed(gathered.parts) for number, part in parts.items()}
    told = nlargest(limit, (each for part in found.values() for each in part), key=_order)
    return gathered.label(json_response([record for _, _, record in told]))


def _order(told: Told) -> tuple[int, int]:
    time, number, _ = told
    return time, number
