"""`/api/guests/{guest}`: what is known of a hotel's guest now."""

from typing import Protocol, cast

from aiohttp import web

from app.hotel.records import Stay
from app.web.lookup import answer, served
from app.web.parameters import Values

TABLE = "guests"


class Guests(Protocol):
    """What is asked of the table; tables import app, so app can't import it."""

    def stay(self, guest: str) -> Stay | None:
        """Give what is known of a guest; None if not here."""
        ...


async def guest(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with profile, reservations, open requests and latest events of a guest."""
    table = served(request, TABLE, "no guests are known here", "hotel")
    name = values["guest"]

    async def here() -> Stay | None:
        return cast("Guests", table).stay(name)

    return await answer(request, table, name, here, f"guest {name!r}")
