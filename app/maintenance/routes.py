"""`/api/maintenance`: the latest maintenance notices about machines."""

from app.maintenance.records import Maintenance
from eventfold.web.query.alerts import latest_route

ROUTES = (
    latest_route(
        "/api/maintenance",
        list[Maintenance],
        "The latest about machines that drift, jump or are silent, newest first",
        table="machines",
        pipeline="maintenance",
        operation="notices_maintenance",
    ),
)
