"""`/api/beacons`: the latest beacons."""

from aiohttp import web

from app.beaconing.records import Beacon
from eventfold.web import parameters as p
from eventfold.web.parameters import Values
from eventfold.web.query.alerts import answer_latest
from eventfold.web.routes import ASKING, Route


async def beacons(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest beacons, newest first."""
    return await answer_latest(request, values["limit"], "beacons", "beaconing")


ROUTES = (
    Route(
        "/api/beacons",
        beacons,
        "The latest hosts that contact a destination at regular intervals, newest first",
        list[Beacon],
        parameters=(p.limit("How many at most", default=20, most=100),),
        statuses=ASKING,
        operation="notices_beacons",
    ),
)
