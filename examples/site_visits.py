"""Site visits: how often and how long each page is seen, in the last 5 minutes."""

import eventfold as ef

app = ef.App("visits")


class Visit(ef.Record):
    """Somebody saw a page for so many seconds."""

    page: str
    seconds: int
    time: int  # event time, ms


visits = ef.Topic("visits", Visit, key="page")
pages = app.window_table(
    "pages",
    visits,
    ef.hopping("5m", "1m"),
    grace="1m",
    retention="1d",
    visits=ef.count(),
    longest=ef.max("seconds"),
    mean=ef.mean("seconds"),
)
page_times = pages.publish("page-times")
late_visits = pages.late("late-visits")
