"""`/api/candles/{symbol}`, `/api/symbols`: the windows of a symbol, and the list of symbols."""

from itertools import islice
from time import time_ns

from aiohttp import web
from faust.types import AppT

from eventfold.engine.window_table import WindowTable
from eventfold.records.candles import Candle
from eventfold.web.errors import bad_parameter
from eventfold.web.parameters import Values
from eventfold.web.query import APP, answer_key, collect, state_tables
from eventfold.web.query.keys import answer_keys
from eventfold.web.routes import json_response
from eventfold.windows.definition import WindowDefinition
from eventfold.windows.fixed import Window, hopping

#: Names of the tables whose windows are candles: the short ones, and the day's.
TABLES = ("candles", "days")


async def candles(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with a symbol's newest windows in the requested range, newest last."""
    symbol, (begin, end) = values["symbol"], _range(values)
    table, window = _asked(request, values, begin, end)

    async def read() -> list[Candle] | None:
        if table.span(symbol) is None:
            return None
        found = table.newest_first(symbol, window, begin, end)
        return (await collect(islice(found, values["limit"])))[::-1]

    return await answer_key(request, table, symbol, read, f"symbol {symbol!r}")


def _range(values: Values) -> tuple[int, int]:
    if values["start"] is not None:
        return values["start"], values["start"] + 1
    if values["from"] > values["to"]:
        bad_parameter("from", "is after to")
    return values["from"], values["to"]


def _asked(
    request: web.Request, values: Values, begin: int, end: int
) -> tuple[WindowTable, WindowDefinition]:
    app = request.app[APP]
    if values["points"] is None:
        return _served(app, _window(values))
    for other in ("size", "advance", "start"):
        if other in request.query:
            bad_parameter("points", f"is instead of {other}")
    if not begin:
        bad_parameter("points", "needs a range: from is missing")
    # The future has no windows yet.
    return _finest(app, min(end, time_ns() // 1_000_000) - begin, values["points"])


def _finest(app: AppT, length: int, points: int) -> tuple[WindowTable, WindowDefinition]:
    """Return the shortest tumbling windows of which at most `points` fit in `length` (ms)."""
    tumbling = {size: found for (size, advance), found in _all(app).items() if size == advance}
    fitting = [size for size in tumbling if length <= size * points]
    if not fitting:
        there_are = ", ".join(str(window) for _, window in tumbling.values()) or "none"
        bad_parameter("points", f"too few for any windows served; there are {there_are}")
    return tumbling[min(fitting)]


async def symbols(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the first symbols that have the prefix, from all partitions."""
    limit, after, begin = values["limit"], values["after"], values["prefix"].lower()
    known = state_tables(request.app[APP])
    table = next((known[name] for name in TABLES if name in known), None)
    if table is None:
        return json_response([])

    def matches(key: str) -> bool:
        return key > after and key.lower().startswith(begin)

    return await answer_keys(request, table, matches, limit)


def _window(values: Values) -> Window:
    size, advance = values["size"], values["advance"] or values["size"]
    try:
        return hopping(size, advance)
    except ValueError as error:
        bad_parameter("advance", error)


def _served(app: AppT, asked: Window) -> tuple[WindowTable, WindowDefinition]:
    served = _all(app)
    found = served.get((asked.size, asked.advance))
    if found is None:
        parameter = "advance" if any(asked.size == size for size, _ in served) else "size"
        there_are = ", ".join(str(each) for _, each in served.values()) or "none"
        bad_parameter(parameter, f"windows of {asked} are not served; there are {there_are}")
    return found


def _all(app: AppT) -> dict[tuple[int, int], tuple[WindowTable, WindowDefinition]]:
    """Return the windows served, each with its table, by nominal size and advance (ms)."""
    known = state_tables(app)
    served: dict[tuple[int, int], tuple[WindowTable, WindowDefinition]] = {}
    for table in map(known.get, TABLES):
        if isinstance(table, WindowTable):
            served |= {(each.size, each.advance): (table, each) for each in table.windows}
    return served
