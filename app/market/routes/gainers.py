"""`/api/top-gainers`, `/api/top-losers`, `/api/most-active`: ten symbols of a day."""

from collections.abc import Callable
from typing import Protocol, cast

from aiohttp import web

from app.market.records import MostActive, Ranking, TopGainers, TopLosers
from eventfold.web.lookup import answer, served
from eventfold.web.parameters import Values

TABLE = "gainers"


class Rankings(Protocol):
    """What is asked of the table of gainers; tables import app, so app can't import it.

    Each gives the ranking of a day, of the latest if None; None for a day not known here.
    """

    def top(self, day: str | None) -> TopGainers | None:
        """Give the ten best."""
        ...

    def losers(self, day: str | None) -> TopLosers | None:
        """Give the ten worst."""
        ...

    def most_active(self, day: str | None) -> MostActive | None:
        """Give the ten of the largest volume."""
        ...


async def top_gainers(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the best of a day, the latest where none is named."""
    return await _answer(request, values, lambda table, day: table.top(day))


async def top_losers(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the worst of a day, the latest where none is named."""
    return await _answer(request, values, lambda table, day: table.losers(day))


async def most_active(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the most active of a day, the latest where none is named."""
    return await _answer(request, values, lambda table, day: table.most_active(day))


async def _answer(
    request: web.Request,
    values: Values,
    rank: Callable[[Rankings, str | None], Ranking | None],
) -> web.StreamResponse:
    table = served(request, TABLE, "no gainers are ranked here", "gainers")
    day = values["day"]

    async def here() -> Ranking | None:
        return rank(cast("Rankings", table), day)

    what = f"day {day}" if day else "day: nothing has been ranked yet"
    return await answer(request, table, day or "", here, what)
