"""A key in two partitions of a source is reported once by every kind of table."""

from collections.abc import AsyncIterable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sensors import Reading, total

from app.settings import Settings
from app.worker import TickApp
from eventfold.aggregates import Sum
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.stateless import StatelessOperator
from eventfold.engine.table import StateTable
from eventfold.engine.top_n_table import TopNTable
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.testing import START, TopologyDriver
from eventfold.topics import Topic

MINUTE = 60_000
READINGS = Topic(
    "split-readings", Reading, key="sensor", purpose="what sensors measure", partitions=2
)


class Counter:
    """Processor that counts the records of a key."""

    def on_record(self, state: int | None, record: Reading, context: Any) -> int:
        """Return one more."""
        del record, context
        return (state or 0) + 1

    def on_time(self, state: int, context: Any) -> int:
        """Return the same."""
        del context
        return state

    def on_shared(self, record: Any, context: Any) -> None:
        """Ignore it."""


def drop(record: Reading, sender: Any) -> None:
    """Send nothing."""


@pytest.fixture(scope="module")
def split_app(tmp_path_factory: pytest.TempPathFactory) -> TickApp:
    """Declare an application with a table of each kind, all of one source."""
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("split"))
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    tables: list[StateTable] = [
        WindowTable(
            app,
            name=f"split-{kind}",
            source=READINGS,
            windows=windows,
            aggregate=Sum("value"),
            record=total,
            grace="1m",
            retention="1h",
            help="sums",
        )
        for kind, windows in {"panes": "1m", "sessions": "session 1m", "counts": "count 2"}.items()
    ]
    tables.append(
        StatelessOperator(app, name="split-step", source=READINGS, make=drop, outputs=[], help="")
    )
    tables.append(
        KeyedTable(
            app,
            name="split-keyed",
            source=READINGS,
            process=Counter(),
            state=int,
            outputs=[],
            retention=MINUTE,
            help="counts",
        )
    )
    tables.append(
        TopNTable(
            app,
            name="split-group",
            source=READINGS,
            group=lambda record: record.time - record.time % MINUTE,
            period=MINUTE,
            period_name=str,
            row=lambda record: record.value,
            row_type=int,
            record=lambda result: Reading(result.key, len(result.rows), result.time),
            origin=lambda record: (0, record.time),
            inputs=(),
            retention=MINUTE,
            help="rows",
        )
    )

    @app.agent(app.batches(READINGS))
    async def fold(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            for table in tables:
                await table.fold(batch)

    return app


def reported(table: str) -> float:
    """Return how many split keys of a table were counted."""
    labels = {"table": table}
    return REGISTRY.get_sample_value("eventfold_split_keys_total", labels) or 0


def test_a_key_in_two_partitions_is_reported_once_by_every_kind_of_table(
    split_app: TickApp, caplog: pytest.LogCaptureFixture
) -> None:
    """Further records of it are not reported; a key in one partition never is."""
    names = [table.name for table in split_app.tasks.tables]
    with TopologyDriver(split_app, partitions=2) as driver:
        for second in range(4):
            at = START + 1_000 * second
            driver.pipe(READINGS, Reading("split", 1, at), partition=second % 2)
            driver.pipe(READINGS, Reading("whole", 1, at), partition=0)
            driver.settle()
        assert {name: reported(name) for name in names} == dict.fromkeys(names, 1)
    lines = [line for line in caplog.messages if "is in partitions" in line]
    assert len(lines) == len(names) == 6
    assert all("split is in partitions 0 and 1 of split-readings" in line for line in lines)
