"""`/api/top-gainers`, `/api/top-losers`, `/api/most-active`: ten symbols of a day."""

from collections.abc import Callable
from typing import Protocol, cast

from aiohttp import web

from app.market.records import MostActive, Ranking, TopGainers, TopLosers
from eventfold.web.parameters import Values
from eventfold.web.query import answer_key, served

TABLE = "gainers"


class Rankings(Protocol):
    """Interface of the table of gainers; tables import app, so app can't import it.

    Each method returns the ranking of a day, by default the latest; None if it is not local.
    """

    def top(self, day: str | None) -> TopGainers | None:
        """Return the ten best."""
        ...

    def losers(self, day: str | None) -> TopLosers | None:
        """Return the ten worst."""
        ...

    def most_active(self, day: str | None) -> MostActive | None:
        """Return the ten with the largest volume."""
        ...


async def top_gainers(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the best of a day, by default the latest."""
    return await _answer(request, values, lambda table, day: table.top(day))


async def top_losers(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the worst of a day, by default the latest."""
    return await _answer(request, values, lambda table, day: table.losers(day))


async def most_active(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the most active of a day, by default the latest."""
    return await _answer(request, values, lambda table, day: table.most_active(day))


async def _answer(
    request: web.Request,
    values: Values,
    rank: Callable[[Rankings, str | None], Ranking | None],
) -> web.StreamResponse:
    table = served(request, TABLE, "no gainers are ranked here", "gainers")
    day = values["day"]

    async def read() -> Ranking | None:
        return rank(cast("Rankings", table), day)

    what = f"day {day}" if day else "day: nothing has been ranked yet"
    return await answer_key(request, table, day or "", read, what)
