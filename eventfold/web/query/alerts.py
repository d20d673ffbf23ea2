"""Routes of an application's own tables: what is known of a key, the latest alerts of a table."""

from collections.abc import Callable
from heapq import nlargest
from typing import Any

import msgspec
from aiohttp import web

from eventfold.decoding import json_decoder
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.table import StateTable
from eventfold.operators.recent_alerts import newest
from eventfold.web import parameters as p
from eventfold.web.application import served
from eventfold.web.query.answers import answer_all, answer_key
from eventfold.web.routes import ASKING, Route

#: Partition → event time (ms), number in the partition, and record of each alert; the record of
#: another worker is passed on undecoded.
Alerts = dict[int, list[tuple[int, int, Any]]]

_decode: Callable[[bytes], Alerts] = json_decoder(dict[int, list[tuple[int, int, msgspec.Raw]]])


def key_route(
    path: str,
    returns: Any,
    summary: str,
    read: Callable[[Any, p.Values], Any],
    *,
    table: str,
    pipeline: str,
    missing: str,
    what: Callable[[p.Values], str],
    operation: str,
    key: str | None = None,
    kind: type[StateTable] = StateTable,
    parameters: tuple[p.Parameter, ...] = (),
) -> Route:
    """Return the route of what a table holds of a key: `read(table, values)`, None if not local.

    `key` names the parameter that holds the key; without one, any partition may answer. `what`
    describes what is asked for in the message "unknown ...", and `missing` a `table` of this `kind`
    whose `pipeline` does not run.
    """

    async def answer(request: web.Request, values: p.Values) -> web.StreamResponse:
        found = served(request, table, missing, pipeline, kind)

        async def local() -> Any:
            return read(found, values)

        asked = values[key] if key else None
        return await answer_key(request, found, asked or "", local, what(values))

    return Route(
        path,
        answer,
        summary,
        returns,
        parameters=parameters,
        statuses=ASKING,
        operation=operation,
    )


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
    """Answer with the latest `limit` alerts of the keyed table `name`, newest first.

    Raises ApiError: 404 if the table's `pipeline` does not run, 503 if a partition can't be
    reached.
    """
    table: KeyedTable = served(request, name, "no alerts of this kind", pipeline, KeyedTable)

    async def read() -> Alerts:
        return {s.partition: list(newest(s.shared, limit)) for s in table.keyed_states()}

    def combine(parts: list[Alerts], _: object) -> list[Any]:
        found = {number: part for each in reversed(parts) for number, part in each.items()}
        alerts = (alert for part in found.values() for alert in part)
        return [record for _, _, record in nlargest(limit, alerts, key=lambda each: each[:2])]

    return await answer_all(request, table, read, _decode, combine)
