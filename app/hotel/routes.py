"""`/api/guests/{guest}`, `/api/service-actions`: state of a guest; latest service actions."""

from typing import Protocol, cast

from aiohttp import web

from app.hotel.records import ServiceAction, Stay
from eventfold.web import parameters as p
from eventfold.web.parameters import Values
from eventfold.web.query import answer_key, served
from eventfold.web.query.alerts import latest_route
from eventfold.web.routes import ASKING, Route

TABLE = "guests"


class Guests(Protocol):
    """Interface of the table; tables import app, so app can't import it."""

    def stay(self, guest: str) -> Stay | None:
        """Return the state of a guest; None if it is not local."""
        ...


async def guest(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with profile, reservations, open requests and latest events of a guest."""
    table = served(request, TABLE, "no guests are known here", "hotel")
    name = values["guest"]

    async def read() -> Stay | None:
        return cast("Guests", table).stay(name)

    return await answer_key(request, table, name, read, f"guest {name!r}")


ROUTES = (
    latest_route(
        "/api/service-actions",
        list[ServiceAction],
        "The latest guests who waited for too long, newest first",
        table=TABLE,
        pipeline="hotel",
        operation="notices_service_actions",
    ),
    Route(
        "/api/guests/{guest}",
        guest,
        "What is known of a hotel's guest: profile, reservations, requests, latest events",
        Stay,
        parameters=(p.path("guest", "The guest, as it stands in guest-events"),),
        statuses=ASKING,
        operation="guests_guest",
    ),
)
