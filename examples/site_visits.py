"""Site visits: how often and how long each page is seen, in the last 5 minutes."""

from random import Random

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


@app.simulation(visits, rate=20)
def visitors(random: Random, time: int) -> Visit:
    """Visits of four pages, some of which arrive late."""
    page = random.choice(["/", "/docs", "/blog", "/about"])
    return Visit(page, random.randrange(120), time - random.choice([0, 0, 0, 30_000]))
