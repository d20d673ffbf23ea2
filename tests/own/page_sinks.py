"""visits -> pages -> page-times, visits -> seen: both go to SQLite, and visits to a file."""

import os
from collections.abc import Sequence
from pathlib import Path

import eventfold as ef
from eventfold.connectors.sink import Batch, Reject, Sink, SinkError
from eventfold.topics import Topic

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


class Archive(Sink):
    """A file of visits in a directory that is mounted late."""

    def __init__(self, topic: Topic) -> None:
        self.directory = TARGETS / topic.base_name

    async def open(self) -> None:
        """Look for the directory."""
        if not self.directory.exists():
            raise SinkError("the archive is not mounted")

    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Append the visits."""
        del reject
        with (self.directory / "archive").open("ab") as file:
            file.writelines(each.value + b"\n" for batch in batches for each in batch.records)


app.sink(visits, Archive)
