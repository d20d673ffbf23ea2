"""`/api/click-through`: click-through rates of the queries, by window."""

from itertools import chain, islice

from aiohttp import web

from app.shop.records import ClickThrough
from eventfold.decoding import json_decoder
from eventfold.engine.window_table import WindowTable
from eventfold.web.cooperative import collect
from eventfold.web.lookup import APP, served
from eventfold.web.parameters import Parameter, Values
from eventfold.web.routes import json_response
from eventfold.web.search import gather, own_part
from eventfold.web.windows import key_windows
from eventfold.windows import milliseconds

TABLE = "click-through"

#: End of the time range, later than all windows (ms).
_END = 1 << 52

_decode = json_decoder(list[ClickThrough])


def _size(text: str) -> int:
    size = milliseconds(text)
    if size not in (300_000, 3_600_000):
        raise ValueError(f"{text!r} is neither 5m nor 1h")
    return size


WINDOW = Parameter(
    "window",
    "How long the windows are: 5m or 1h",
    _size,
    300_000,
    {"type": "string", "enum": ["5m", "1h"]},
)


async def query_click_through(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the newest windows of a query, newest last."""
    _table(request)
    window = "5m" if values["window"] == 300_000 else "1h"
    asked = {"table": TABLE, "key": values["query"], "window": window}
    return await key_windows(request, {**values, **asked})


async def click_through(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the newest window of each query, from all partitions."""
    app, size = request.app[APP], values["window"]
    table = _table(request)

    async def here() -> list[ClickThrough]:
        return await _here(table, size)

    own = await own_part(app, request, table, here)
    if own is not None:
        return own
    gathered = await gather(app, request, table, here, _decode)
    found = [each for part in gathered.parts for each in part]
    newest = max((each.start for each in found), default=0)
    # Two workers may have the same queries while a partition moves: each query counts once.
    current = {each.query: each for each in found if each.start == newest}
    ranked = sorted(current.values(), key=lambda each: (-each.searches, each.query))
    return gathered.label(json_response(ranked[: values["limit"]]))


async def _here(table: WindowTable, size: int) -> list[ClickThrough]:
    window = next(each for each in table.windows if each.size == size)
    queries = set(await collect(table.each_key()))
    newest = (islice(table.newest_first(query, window, 0, _END), 1) for query in queries)
    return await collect(chain.from_iterable(newest))


def _table(request: web.Request) -> WindowTable:
    table: WindowTable = served(
        request, TABLE, "no searches are counted here", "searches", WindowTable
    )
    return table
