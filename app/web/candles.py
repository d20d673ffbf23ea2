"""`/api/candles/{symbol}`, `/api/symbols`: the windows of a symbol, and the symbols there are."""

from itertools import islice

import msgspec
from aiohttp import web
from faust.types import AppT

from app.records import Candle
from app.state.table import StateTable
from app.state.window_table import WindowTable
from app.web.errors import bad_parameter
from app.web.lookup import (
    APP,
    answer,
    demand_all,
    demand_owners,
    listed,
    others,
    state_tables,
)
from app.web.owners import own_url
from app.web.parameters import Values
from app.web.peers import FORWARDED, PARTITIONS, ask
from app.web.routes import json_response
from app.windows.family import WindowFamily
from app.windows.windowers import Window, hopping

#: The tables whose windows are candles: the fine ones, and the day's.
TABLES = ("candles", "days")

_ALL = 1 << 62

_decode_symbols = msgspec.json.Decoder(list[str]).decode


async def candles(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with a symbol's newest windows in the range asked for."""
    symbol, asked = values["symbol"], _window(values)
    if values["from"] > values["to"]:
        bad_parameter("from", "is after to")
    table, window = _served(request.app[APP], asked)

    def here() -> list[Candle] | None:
        begin, end, limit = values["from"], values["to"], values["limit"]
        return table.newest(symbol, window, begin=begin, end=end, limit=limit)

    return await answer(request, table, symbol, here, f"symbol {symbol!r}")


async def symbols(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the first symbols that begin so, of all partitions or not at all."""
    app, limit = request.app[APP], values["limit"]
    known = state_tables(app)
    table = next((known[name] for name in TABLES if name in known), None)
    if table is None:
        return json_response([])
    searched, found = set(table.partitions), set(_symbols_here(table, values["prefix"], limit))
    if FORWARDED in request.headers:
        response = json_response(sorted(found))
        response.headers[PARTITIONS] = listed(searched)
        return response
    owned = demand_owners(app, table)
    for reply in await ask(app, others(owned.values(), own_url(app)), request.rel_url):
        if reply.response is not None and isinstance(reply.response.body, bytes):
            found.update(_decode_symbols(reply.response.body))
            searched |= reply.partitions
    demand_all(table, owned, searched)
    return json_response(sorted(found)[:limit])


def _symbols_here(table: StateTable, prefix: str, limit: int) -> list[str]:
    # Each partition's keys are looked through, the first `limit` of those that match are kept.
    begin = prefix.lower()
    keys = (key for key in table.keys(_ALL) if key.lower().startswith(begin))
    return list(islice(keys, limit))


def _window(values: Values) -> Window:
    size, advance = values["size"], values["advance"] or values["size"]
    try:
        return hopping(size, advance)
    except ValueError as error:
        bad_parameter("advance", error)


def _served(app: AppT, asked: Window) -> tuple[WindowTable, WindowFamily]:
    # By their nominal lengths: a day is 1d, whatever the calendar it follows.
    known = state_tables(app)
    served: dict[tuple[int, int], tuple[WindowTable, WindowFamily]] = {}
    for table in map(known.get, TABLES):
        if isinstance(table, WindowTable):
            served |= {(each.size, each.advance): (table, each) for each in table.windows}
    found = served.get((asked.size, asked.advance))
    if found is None:
        parameter = "advance" if any(asked.size == size for size, _ in served) else "size"
        there_are = ", ".join(str(each) for _, each in served.values()) or "none"
        bad_parameter(parameter, f"windows of {asked} are not served; there are {there_are}")
    return found
