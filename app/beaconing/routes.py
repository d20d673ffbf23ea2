"""`/api/beacons`: the latest beacons."""

from app.beaconing.records import Beacon
from eventfold.web.query.alerts import latest_route

ROUTES = (
    latest_route(
        "/api/beacons",
        list[Beacon],
        "The latest hosts that contact a destination at regular intervals, newest first",
        table="beacons",
        pipeline="beaconing",
        operation="notices_beacons",
    ),
)
