"""HTTP routes of the shop: click-through rates of the queries by window, visitors' profiles."""

from itertools import chain, islice
from typing import Literal

from aiohttp import web

from app.shop.profiles import Known
from app.shop.records import ClickThrough, Visitor
from eventfold.decoding import json_decoder
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.window_table import WindowTable
from eventfold.web import parameters as p
from eventfold.web.parameters import Parameter, Values
from eventfold.web.query import answer_all, collect, served
from eventfold.web.query.alerts import key_route
from eventfold.web.query.windows import key_windows
from eventfold.web.routes import ASKING, Route
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


def _profile(table: KeyedTable, values: Values) -> Visitor | None:
    known: Known | None = table.state_of(values["user"])
    return known.profile if known else None


ROUTES = (
    Route(
        "/api/click-through",
        click_through,
        "How many searches lead to a click, now: the newest window of each query, the most "
        "searched first",
        list[ClickThrough],
        parameters=(
            WINDOW,
            p.limit("How many queries at most", default=100, most=1000),
        ),
        statuses=ASKING,
        operation="searches_click_through",
    ),
    Route(
        "/api/click-through/{query}",
        query_click_through,
        "How many searches of a query lead to a click, window by window, newest last",
        list[ClickThrough],
        parameters=(
            p.path("query", "The query"),
            WINDOW,
            p.FROM,
            p.TO,
            p.limit("Maximum number of windows, the newest of them", default=100, most=5000),
        ),
        statuses=ASKING,
        operation="searches_query_click_through",
    ),
    key_route(
        "/api/profiles/{user}",
        Visitor,
        "The profile that a visitor's clicks are enriched with",
        _profile,
        table="profiles",
        kind=KeyedTable,
        pipeline="clicks",
        missing="no profiles are kept here",
        what=lambda values: f"user {values['user']!r}",
        key="user",
        operation="profiles_profile",
        parameters=(p.path("user", "The visitor"),),
    ),
)
