"""`/api/click-through`: click-through rates of the queries, by window."""

from itertools import chain, islice
from typing import Literal

from aiohttp import web

from app.shop.records import ClickThrough
from eventfold.decoding import json_decoder
from eventfold.engine.window_table import WindowTable
from eventfold.web.parameters import Parameter, Values
from eventfold.web.query import answer_all, collect, served
from eventfold.web.query.windows import key_windows
from eventfold.windows import milliseconds

TABLE = "click-through"

#: End of the time range, later than all windows (ms).
_END = 1 << 52

_decode = json_decoder(list[ClickThrough])


WINDOW = Parameter("window", "How long the windows are: 5m or 1h", Literal["5m", "1h"], "5m")


async def query_click_through(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the newest windows of a query, newest last."""
    _table(request)
    return await key_windows(request, {**values, "table": TABLE, "key": values["query"]})


async def click_through(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the newest window of each query, from all partitions."""
    table, size = _table(request), milliseconds(values["window"])
    window = next(each for each in table.windows if each.size == size)

    async def read() -> list[ClickThrough]:
        queries = set(await collect(table.each_key()))
        newest = (islice(table.newest_first(query, window, 0, _END), 1) for query in queries)
        return await collect(chain.from_iterable(newest))

    def combine(parts: list[list[ClickThrough]], _: object) -> list[ClickThrough]:
        found = list(chain.from_iterable(parts))
        newest = max((each.start for each in found), default=0)
        # Two workers may have the same queries while a partition moves: each query counts once.
        current = {each.query: each for each in found if each.start == newest}
        ranked = sorted(current.values(), key=lambda each: (-each.searches, each.query))
        return ranked[: values["limit"]]

    return await answer_all(request, table, read, _decode, combine)


def _table(request: web.Request) -> WindowTable:
    table: WindowTable = served(
        request, TABLE, "no searches are counted here", "searches", WindowTable
    )
    return table
