"""`/api/candles/{symbol}`, `/api/symbols`: the windows of a symbol, and the symbols there are."""

from typing import Any

import msgspec
from aiohttp import web
from faust.types import AppT

from app.records import Candle
from app.state.window_table import WindowTable
from app.web.errors import bad_parameter
from app.web.lookup import APP, answer, others, state_tables
from app.web.owners import distribution, own_url
from app.web.parameters import Values
from app.web.peers import FORWARDED, ask
from app.web.routes import json_response
from app.windows.windowers import Window, hopping

#: The tables whose windows are candles: the fine ones, and the day's.
TABLES = ("candles", "days")

#: Symbols looked through at most, for one search on one worker.
_MOST_SYMBOLS = 20_000

_decode_symbols = msgspec.json.Decoder(list[str]).decode


async def candles(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with a symbol's newest windows in the range asked for."""
    symbol, window = values["symbol"], _window(values)
    if values["from"] > values["to"]:
        bad_parameter("from", "is after to")
    table = _table(request.app[APP], window)

    def here() -> list[Candle] | None:
        begin, end, limit = values["from"], values["to"], values["limit"]
        return newest(table, symbol, window, begin=begin, end=end, limit=limit)

    return await answer(request, table, symbol, here, f"symbol {symbol!r}")


def newest(  # a query: each is a part of it
    table: WindowTable, key: str, window: Window, *, begin: int, end: int, limit: int
) -> list[Any] | None:
    """Give the newest `limit` windows with begin <= start < end (ms), oldest first.

    None where the key is in no partition open here. Windows nothing fell into don't exist, so
    what is read grows backwards until there are enough, or nothing older.
    """
    span = table.span(key)
    if span is None:
        return None
    begin, end = max(begin, span[0] - window.size), min(end, span[1])
    found: list[Any] = []
    reach = limit * window.advance
    while len(found) < limit and begin < end:
        start = max(begin, end - reach)
        found = table.read(key, window, start, end) + found
        end, reach = start, 2 * reach
    return found[-limit:]


async def symbols(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the symbols that begin so, from every worker that can be reached."""
    app, prefix, limit = request.app[APP], values["prefix"], values["limit"]
    found = set(_symbols_here(app, prefix))
    if FORWARDED not in request.headers:
        for reply in await ask(app, others(distribution(app), own_url(app)), request.rel_url):
            if reply.response is not None and isinstance(reply.response.body, bytes):
                found.update(_decode_symbols(reply.response.body))
    return json_response(sorted(found)[:limit])


def _symbols_here(app: AppT, prefix: str) -> list[str]:
    table = state_tables(app).get(TABLES[0])
    keys = table.keys(_MOST_SYMBOLS) if table else []
    return [key for key in keys if key.lower().startswith(prefix.lower())]


def _window(values: Values) -> Window:
    size, advance = values["size"], values["advance"] or values["size"]
    try:
        return hopping(size, advance)
    except ValueError as error:
        bad_parameter("advance", error)


def _table(app: AppT, window: Window) -> WindowTable:
    known = state_tables(app)
    served: dict[Window, WindowTable] = {}
    for table in map(known.get, TABLES):
        if isinstance(table, WindowTable):
            served |= dict.fromkeys(table.windows, table)
    if window not in served:
        parameter = "advance" if any(window.size == other.size for other in served) else "size"
        there_are = ", ".join(map(str, served)) or "none"
        bad_parameter(parameter, f"windows of {window} are not served; there are {there_are}")
    return served[window]
