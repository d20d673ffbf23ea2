"""Local state: reads of this worker's partitions, and the answer to another worker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from aiohttp import web

from eventfold.engine.errors import ClosedMeanwhileError
from eventfold.engine.table import StateTable
from eventfold.web.application import APP
from eventfold.web.errors import MOVING, unavailable, unknown
from eventfold.web.query.coverage import (
    Coverage,
    Stale,
    label_stale,
    read_partitions,
    write_partitions,
)
from eventfold.web.query.peers import PARTITIONS, STANDBY
from eventfold.web.routes import json_response

T = TypeVar("T")

#: Function that reads a result from the table's local partitions; None if they do not have it.
Read = Callable[[], Awaitable[T]]

#: Longest time (s) for which a read occupies the event loop without a pause.
SLICE = 0.005


async def collect(items: Iterable[T]) -> list[T]:
    """Collect items that take long to compute; yield to the event loop every `SLICE` seconds."""
    found = []
    until = time.monotonic() + SLICE
    for item in items:
        found.append(item)
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + SLICE
    return found


async def read_local(table: StateTable, read: Read[T]) -> T:
    """Return the result of `read()`. Raises ApiError (503) if a partition closes meanwhile."""
    try:
        with table.kept_open():
            return await read()
    except ClosedMeanwhileError:
        raise unavailable(f"a partition of table {table.name} is {MOVING}") from None


async def read_standbys(coverage: Coverage, partitions: Iterable[int], read: Read[T]) -> T:
    """Read the local standbys of `partitions`, recorded as searched. Raises ApiError (503)."""
    table = coverage.table
    found = map(table.standby_state, partitions)
    states = [state for state in found if state is not None]
    for state in states:
        coverage.add_standby(state)
    with table.reading(states):
        return await read_local(table, read)


async def find_in_standbys(
    coverage: Coverage, partitions: Iterable[int], read: Read[T | None]
) -> tuple[T | None, list[Stale]]:
    """Read standbys until one has a result; return it, and the labels of those read."""
    for partition in partitions:
        if coverage.table.standby_state(partition) is not None:
            value = await read_standbys(coverage, [partition], read)
            if value is not None:
                return value, coverage.stale[-1:]
    return None, coverage.stale


async def answer_worker(
    request: web.Request, table: StateTable, read: Read[Any], what: str | None = None
) -> web.Response:
    """Answer another worker from local state alone, with the partitions that were searched.

    They are the open ones, or the standbys that the header `STANDBY` names. For one key, which
    `what` names, the answer is 404 if `read` returns None.
    """
    asked = request.headers.get(STANDBY)
    stale: list[Stale] = []
    if asked is None:
        searched: Iterable[int] = table.partitions
        value = await read_local(table, read)
    else:
        coverage = Coverage(request.app[APP], table, ())
        partitions = read_partitions(asked)
        if what is None:
            value, stale = await read_standbys(coverage, partitions, read), coverage.stale
        else:
            value, stale = await find_in_standbys(coverage, partitions, read)
        searched = coverage.searched
    if what is not None and value is None:
        response = unknown(f"unknown {what} in the partitions of this worker").response()
    else:
        response = json_response(value)
    response.headers[PARTITIONS] = write_partitions(searched)
    return label_stale(response, stale)
