"""`/api/days`: the days that have rankings, from the single partition of all symbols."""

from typing import Protocol, cast

from aiohttp import web

from app.market.routes.gainers import TABLE
from eventfold.web.parameters import Values
from eventfold.web.query import answer_key, served


class Ranked(Protocol):
    """Interface of the table of gainers; tables import app, so app can't import it."""

    def days(self) -> list[str]:
        """Return the days that are kept, oldest first."""
        ...


async def days(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the days that have rankings, oldest first."""
    table = served(request, TABLE, "no day is ranked here", "gainers")

    async def read() -> list[str] | None:
        return cast("Ranked", table).days() or None

    return await answer_key(request, table, "", read, "day: nothing has been ranked yet")
