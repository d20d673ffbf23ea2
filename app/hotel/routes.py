"""`/api/guests/{guest}`, `/api/service-actions`: state of a guest; latest service actions."""

from app.hotel.records import ServiceAction, Stay
from app.hotel.service import stay_in
from eventfold.web import parameters as p
from eventfold.web.query.alerts import key_route, latest_route

TABLE = "guests"


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
