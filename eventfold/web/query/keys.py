"""`/api/keys/{table}`: the keys of any table, searched without regard to case."""

from collections.abc import Callable
from heapq import nsmallest
from itertools import chain

from aiohttp import web

from eventfold.decoding import json_decoder
from eventfold.engine.table import StateTable
from eventfold.web.application import APP, table_named
from eventfold.web.parameters import Values
from eventfold.web.query.answers import answer_all
from eventfold.web.query.local import collect

_decode: Callable[[bytes], list[str]] = json_decoder(list[str])


async def keys(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the first keys that contain a text. Raises ApiError: 404, or 503."""
    table = table_named(request.app[APP], values["table"])
    part, after = values["contains"].casefold(), values["after"]
    return await answer_keys(
        request, table, lambda key: key > after and part in key.casefold(), values["limit"]
    )


async def answer_keys(
    request: web.Request, table: StateTable, matches: Callable[[str], bool], limit: int
) -> web.Response:
    """Answer with the first `limit` keys that match, in order, from all partitions of a table.

    Raises ApiError (503) if a partition is missing, unless the request allows a partial answer.
    """

    async def read() -> list[str]:
        # All keys are scanned, so only the first `limit` matches are kept in memory.
        found = (key for key in table.each_key() if matches(key))
        return nsmallest(limit, set(await collect(found)))

    def combine(parts: list[list[str]], _: object) -> list[str]:
        return sorted(set(chain.from_iterable(parts)))[:limit]

    return await answer_all(request, table, read, _decode, combine)
