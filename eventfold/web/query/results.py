"""`/api/results/{table}`: windows of any table with their evidence, whatever their record is."""

from collections.abc import Callable, Iterator
from heapq import nlargest
from itertools import chain, islice
from typing import Any

import msgspec
from aiohttp import web

from eventfold.decoding import json_decoder
from eventfold.engine.rows import OPEN
from eventfold.engine.window_table import WindowTable
from eventfold.web.errors import bad_parameter
from eventfold.web.parameters import Parameter, Values
from eventfold.web.query.answers import answer_all, answer_key
from eventfold.web.query.local import collect
from eventfold.web.query.windows import table_and_window
from eventfold.windows import WindowDefinition, WindowResult


class Result(msgspec.Struct, frozen=True):
    """A window [`start`, `end`) (ms) of a key: its evidence, and the table's `record` of it.

    `late` counts the records that came after stream time had passed the window's end; the offsets
    are those of the source.
    """

    key: str
    start: int
    end: int
    count: int
    late: int
    revision: int
    final: bool
    partition: int
    first_offset: int
    last_offset: int
    record: Any


#: Number by which a result is ranked, and the result; that of another worker is left undecoded.
Part = list[tuple[float, Any]]

_decode_part: Callable[[bytes], Part] = json_decoder(list[tuple[float, msgspec.Raw]])

BY = Parameter(
    "by",
    "Field of the record or of the evidence: the largest come first. By default the latest do",
)


async def key_results(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the newest windows of a key in the requested range, oldest first.

    Raises ApiError: 400, 404, or 503 while a partition that may have the key is moving.
    """
    table, window, key = *table_and_window(request, values), values["key"]

    async def read() -> list[Result] | None:
        if table.span(key) is None:
            return None
        found = table.newest_results(key, window, values["from"], values["to"])
        newest = await collect(islice(found, values["limit"]))
        return [_result(table, each) for each in reversed(newest)]

    return await answer_key(request, table, key, read, f"key {key!r} in table {table.name}")


async def ranked_results(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the present window of each key, the latest or the largest first.

    Keys without a record within the last two windows are left out. Raises ApiError: 400, 404, 503.
    """
    table, window = table_and_window(request, values)
    by, limit = values["by"], values["limit"]

    async def read() -> Part:
        present = await collect(_present(table, window))
        ranked = ((_rank(each, by), each) for each in present)
        return nlargest(limit, ((rank, each) for rank, each in ranked if rank is not None), _number)

    def combine(parts: list[Part], _: object) -> list[Any]:
        best = nlargest(limit, chain.from_iterable(parts), _number)
        return [result for _, result in best]

    return await answer_all(request, table, read, _decode_part, combine)


def _present(table: WindowTable, window: WindowDefinition) -> Iterator[Result]:
    """Yield the newest window of each key that has one since two windows ago."""
    reached = max((state.meta.stream_time for state in table.open_states()), default=0)
    # A window that follows the data, such as a session, may have begun at any time.
    begin = 0 if table.strategy.follows_data else max(0, reached - 2 * window.longest)
    for key in sorted(set(table.keys_of(window, begin, OPEN))):
        newest = next(table.newest_results(key, window, begin, OPEN), None)
        if newest is not None:
            yield _result(table, newest)


def _result(table: WindowTable, result: WindowResult) -> Result:
    evidence = result.count, result.late, result.revision, result.final
    place = result.partition, result.first_offset, result.last_offset
    return Result(result.key, result.start, result.end, *evidence, *place, table.record(result))


def _rank(result: Result, by: str | None) -> float | None:
    """Return the number by which a result is ranked; None if its record has null there."""
    if by is None:
        return result.end
    record = result.record
    own = record.get(by, "") if isinstance(record, dict) else getattr(record, by, "")
    value = getattr(result, by, "") if own == "" else own
    if value is not None and not isinstance(value, int | float):
        bad_parameter("by", f"the records have no number {by!r}")
    return value


def _number(ranked: tuple[float, Any]) -> float:
    return ranked[0]
