"""Answers about one key or about all keys, from every worker that has a part of them.

Kafka does not know the partition of a key: its producer chooses one, and producers differ. So the
likely owner by the usual hash is queried first, then all other workers at once. The answer is 404
only if every partition was searched. While a partition is moving it is 503,
or with `?stale=true` the rows of a standby, labelled as such.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from eventfold.engine.table import StateTable
from eventfold.web import parameters as p
from eventfold.web.application import APP
from eventfold.web.errors import unknown
from eventfold.web.query.coverage import STALE, Coverage, label_stale, read_stale
from eventfold.web.query.local import (
    Read,
    answer_worker,
    find_in_standbys,
    read_local,
    read_standbys,
)
from eventfold.web.query.peers import FORWARDED, Reply
from eventfold.web.routes import json_response

T = TypeVar("T")


async def answer_key(
    request: web.Request, table: StateTable, key: str, read: Read[Any], what: str
) -> web.Response:
    """Answer with the result of `read()`, or with that of another worker.

    `read` returns None if the key is in no local partition. `what` names the key in the message
    "unknown ...", status 404. Raises ApiError (503) while a partition that may have the key is
    moving.
    """
    if FORWARDED in request.headers:
        return await answer_worker(request, table, read, what)
    value = await read_local(table, read)
    if value is not None:
        return json_response(value)
    coverage = Coverage(request.app[APP], table, table.partitions)
    found = _first(await coverage.ask_owners_of(key, request.rel_url))
    if found is None and coverage.missing and p.STALE.value_of(request):
        value, stale = await find_in_standbys(coverage, coverage.missing_partitions, read)
        if value is not None:
            return label_stale(json_response(value), stale)
        found = _first(await coverage.ask_standbys(request.rel_url))
    if found is not None:
        return found
    coverage.require_all()
    return label_stale(unknown(f"unknown {what}").response(), coverage.stale)


async def answer_all(
    request: web.Request,
    table: StateTable,
    read: Read[T],
    decode: Callable[[bytes], T],
    combine: Callable[[list[T], Coverage], Any],
) -> web.Response:
    """Query all workers at once, and answer with the result of `combine` for their parts.

    `read` returns the local part, `decode` parses that of another worker. While a partition moves,
    two workers may have it in their parts; the local one comes first. With `?stale=true` standbys
    answer for missing partitions. Raises ApiError (503) if a partition can't be reached, unless the
    request has `?partial=true`.
    """
    if FORWARDED in request.headers:
        return await answer_worker(request, table, read)
    coverage = Coverage(request.app[APP], table, table.partitions)
    parts = [await read_local(table, read)]
    replies = await coverage.ask(coverage.owned.values(), request.rel_url)
    if coverage.missing and p.STALE.value_of(request):
        parts.append(await read_standbys(coverage, coverage.missing_partitions, read))
        replies += await coverage.ask_standbys(request.rel_url)
    parts += [decode(reply.body) for reply in replies if reply.body is not None]
    if not p.PARTIAL.value_of(request):
        coverage.require_all()
    return coverage.label(json_response(combine(parts, coverage)))


def _first(replies: Iterable[Reply]) -> web.Response | None:
    """Return the first answer of another worker, with its label; None if none has the key."""
    for reply in replies:
        if reply.body is not None:
            response = json_response(msgspec.Raw(reply.body))
            return label_stale(response, read_stale(reply.headers.get(STALE, "")))
    return None
