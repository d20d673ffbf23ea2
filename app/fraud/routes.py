"""`/api/alerts`: the latest alerts about cards."""

from app.fraud.records import Alert
from eventfold.web.query.alerts import latest_route

ROUTES = (
    latest_route(
        "/api/alerts",
        list[Alert],
        "The latest payments that do not look like their card's owner, newest first",
        table="fraud",
        pipeline="fraud",
        operation="notices_alerts",
    ),
)
