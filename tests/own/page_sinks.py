"""visits -> pages -> page-times, and visits -> seen; both topics are written to SQLite, too."""

import os
from pathlib import Path

import eventfold as ef

app = ef.App("page-sinks")

#: Directory of the databases, which the test names.
TARGETS = Path(os.environ["SINK_DIRECTORY"])


class Visit(ef.Record):
    """Somebody saw a page; visits are numbered."""

    page: str
    number: int
    time: int


visits = ef.Topic("visits", Visit, key="page")

pages = app.window_table("pages", visits, ef.tumbling("1m"), retention="1d", visits=ef.count())
pages.publish("page-times")
pages.sink(f"sqlite:///{TARGETS}/pages.db", table="times")


@app.map(visits, to="seen")
def seen(visit: Visit) -> Visit:
    """Pass each visit on."""
    return visit


app.sink(seen, f"sqlite:///{TARGETS}/seen.db", batch=100)
