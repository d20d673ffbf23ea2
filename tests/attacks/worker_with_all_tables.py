"""Run a worker that has the tables of every pipeline, with records of some keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from attacked import Attacked, attacked
from honest_records import Honest

from app import app
from app.beaconing.topics import CONNECTIONS
from eventfold.testing import TopologyDriver

#: Keys of each table; the second has to be escaped in a path.
KEYS = ("AAA", "A/B")


@contextmanager
def worker_with_all_tables(**environment: str) -> Iterator[Attacked]:
    """Run a worker whose tables are the application's own, folded from valid records."""
    tables = {table.name: table for table in app.tasks.tables}
    sources = {table.source.name: table.source for table in tables.values()}
    with (
        pytest.MonkeyPatch.context() as patch,
        TopologyDriver(app, partitions=2) as driver,
        attacked(**environment) as worker,
    ):
        # A worker registers the schema before it runs.
        CONNECTIONS.schema_id = CONNECTIONS.schema_id or 7
        honest = Honest(Random(1))
        for source in sources.values():
            for key in KEYS:
                driver.pipe_raw(source, *honest.record(source, key, driver.now))
        driver.settle()
        patch.setattr(worker.app.tables, "data", tables)
        own = {f"http://127.0.0.1:{worker.port}": {topic: [0, 1] for topic in sources}}
        patch.setattr(worker.app.assignor, "external_topic_distribution", own)
        yield worker
