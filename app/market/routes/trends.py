"""`/api/trends/{symbol}`: a symbol's moving averages, and their last crossings."""

from aiohttp import web

from app.market.trend_records import Trend
from eventfold.engine.keyed_table import KeyedTable
from eventfold.web.lookup import answer, served
from eventfold.web.parameters import Values

TABLE = "trends"


async def trends(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the trend of a symbol."""
    table: KeyedTable = served(request, TABLE, "no trends are followed here", "trends", KeyedTable)
    symbol = values["symbol"]

    async def here() -> Trend | None:
        return table.state_of(symbol)

    return await answer(request, table, symbol, here, f"symbol {symbol!r}")
