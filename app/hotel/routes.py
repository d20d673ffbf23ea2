"""`/api/guests/{guest}`, `/api/service-actions`: state of a guest; latest service actions."""

from app.hotel.records import ServiceAction, Stay
from app.hotel.service import stay_of
from app.hotel.settings import settings
from eventfold.engine.keyed_table import KeyedTable
from eventfold.web import parameters as p
from eventfold.web.query.alerts import key_route, latest_route

TABLE = "guests"


def stay_in(table: KeyedTable, guest: str) -> Stay | None:
    """Return what a table of guests has of one; None if it is not local."""
    state = table.state_of(guest)
    return None if state is None else stay_of(state, settings())


ROUTES = (
    latest_route(
        "/api/service-actions",
        list[ServiceAction],
        "The latest guests who waited for too long, newest first",
        table=TABLE,
        pipeline="hotel",
        operation="notices_service_actions",
    ),
    key_route(
        "/api/guests/{guest}",
        Stay,
        "What is known of a hotel's guest: profile, reservations, requests, latest events",
        lambda table, values: stay_in(table, values["guest"]),
        table=TABLE,
        pipeline="hotel",
        missing="no guests are known here",
        what=lambda values: f"guest {values['guest']!r}",
        key="guest",
        operation="guests_guest",
        parameters=(p.path("guest", "The guest, as it stands in guest-events"),),
    ),
)
