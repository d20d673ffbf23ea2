"""`/api/surges`: the latest surges of the market, from the single partition of all symbols."""

from typing import Protocol, cast

from aiohttp import web

from app.market.records import Surge
from eventfold.web.parameters import Values
from eventfold.web.query import answer_key, served

TABLE = "latest-surges"


class Latest(Protocol):
    """Interface of the table; tables import app, so app can't import it."""

    def newest(self, limit: int) -> list[Surge] | None:
        """Return the latest surge of each symbol, the newest first; None if they are not local."""
        ...


async def surges(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest surge of each symbol, the newest first."""
    table = served(request, TABLE, "no surges are kept here", "surges")
    limit = values["limit"]

    async def read() -> list[Surge] | None:
        return cast("Latest", table).newest(limit)

    return await answer_key(request, table, "", read, "surges")
