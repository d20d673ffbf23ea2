"""`/api/maintenance`: the latest maintenance notices about machines."""

from aiohttp import web

from app.maintenance.records import Maintenance
from eventfold.web import parameters as p
from eventfold.web.parameters import Values
from eventfold.web.query.alerts import answer_latest
from eventfold.web.routes import ASKING, Route


async def maintenance(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest maintenance notices about machines, newest first."""
    return await answer_latest(request, values["limit"], "machines", "maintenance")


ROUTES = (
    Route(
        "/api/maintenance",
        maintenance,
        "The latest about machines that drift, jump or are silent, newest first",
        list[Maintenance],
        parameters=(p.limit("How many at most", default=20, most=100),),
        statuses=ASKING,
        operation="notices_maintenance",
    ),
)
