"""`/api/top-gainers`: the ten best of a day."""

from typing import Protocol, cast

from aiohttp import web

from app.records import TopGainers
from app.web.errors import unknown
from app.web.lookup import APP, answer, state_tables
from app.web.parameters import Values

TABLE = "gainers"


class Ranking(Protocol):
    """What is asked of the table of gainers; tables import app, so app can't import it."""

    def top(self, day: str | None) -> TopGainers | None:
        """Give the ranking of a day, the latest if None."""
        ...


async def top_gainers(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the ranking of a day, the latest where none is named."""
    table, day = state_tables(request.app[APP]).get(TABLE), values["day"]
    if table is None:
        raise unknown("no gainers are ranked here: the pipeline 'gainers' does not run")

    def here() -> TopGainers | None:
        return cast("Ranking", table).top(day)

    what = f"day {day}" if day else "day: nothing has been ranked yet"
    return await answer(request, table, day or "", here, what)
