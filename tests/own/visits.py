"""visits -> pages -> page-times: how long people stay on each page of a site, in the last 5 min."""

import eventfold as ef
from app import app


class Visit(ef.Record):
    """Somebody saw a page, for so many seconds."""

    page: str
    seconds: int
    time: int


VISITS = ef.Topic("visits", Visit, key="page", external=True)

pages = app.window_table(
    "pages",
    VISITS,
    "5m/1m",
    grace="1m",
    retention="1d",
    visits=ef.count(),
    longest=ef.max("seconds"),
    mean=ef.mean("seconds"),
)
PAGE_TIMES = pages.publish("page-times")
