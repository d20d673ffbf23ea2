"""`/api/alerts`: the latest alerts about cards."""

from aiohttp import web

from app.fraud.records import Alert
from eventfold.web import parameters as p
from eventfold.web.parameters import Values
from eventfold.web.query.alerts import answer_latest
from eventfold.web.routes import ASKING, Route


async def alerts(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest alerts about cards, newest first."""
    return await answer_latest(request, values["limit"], "fraud", "fraud")


ROUTES = (
    Route(
        "/api/alerts",
        alerts,
        "The latest payments that do not look like their card's owner, newest first",
        list[Alert],
        parameters=(p.limit("How many at most", default=20, most=100),),
        statuses=ASKING,
        operation="notices_alerts",
    ),
)
