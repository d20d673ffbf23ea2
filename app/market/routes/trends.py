"""`/api/trends/{symbol}`: a symbol's moving averages, and their last crossings."""

from aiohttp import web

from app.market.trend_records import Trend
from eventfold.engine.keyed_table import KeyedTable
from eventfold.web.parameters import Values
from eventfold.web.query import answer_key, served

TABLE = "trends"


async def trends(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the trend of a symbol."""
    table: KeyedTable = served(request, TABLE, "no trends are followed here", "trends", KeyedTable)
    symbol = values["symbol"]

    async def read() -> Trend | None:
        return table.state_of(symbol)

    return await answer_key(request, table, symbol, read, f"symbol {symbol!r}")
