"""`/api/trends/{symbol}`: where a symbol's moving averages are, and when they last crossed."""

from typing import Any

from aiohttp import web

from app.records import Trend
from app.state.keyed_table import KeyedTable
from app.web.errors import unknown
from app.web.lookup import APP, answer, state_tables
from app.web.parameters import Values

TABLE = "trends"


async def trends(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the trend of a symbol."""
    table: Any = state_tables(request.app[APP]).get(TABLE)
    if not isinstance(table, KeyedTable):
        raise unknown("no trends are followed here: the pipeline 'trends' does not run")
    symbol = values["symbol"]

    def here() -> Trend | None:
        return table.state_of(symbol)

    return await answer(request, table, symbol, here, f"symbol {symbol!r}")
