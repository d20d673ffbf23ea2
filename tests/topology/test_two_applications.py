"""Two applications of one process share declared topics, and nothing else."""

from collections.abc import AsyncIterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sensors import Reading, Total, total

from eventfold.aggregates import Sum
from eventfold.engine.batch import Batch
from eventfold.engine.stateless import StatelessOperator
from eventfold.engine.window_table import WindowTable
from eventfold.environment import prefixed
from eventfold.kafka.tables import TaskTableManager
from eventfold.settings import Settings
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS, Topic
from eventfold.worker.app import App
from eventfold.worker.startup_checks import topics_of

READINGS = Topic("readings", "sensor", Reading, "what sensors measure", external=True)
CHECKED = Topic("checked", "sensor", Reading, "readings that are used", internal=True)
TOTALS = Topic("totals", "sensor", Total, "sums")

HALF_AN_HOUR = 1_800_000


class South(Settings):
    """Settings under a prefix of their own."""

    model_config = prefixed("SOUTH_")


@pytest.fixture
def north(tmp_path: Path) -> App:
    """Declare an application with the library's own prefix of variables."""
    return declare(
        Settings(
            EVENTFOLD_APP_ID="north",
            EVENTFOLD_TOPIC_PREFIX="eu.",
            TOPIC_PARTITIONS=2,
            APP_DATADIR=tmp_path / "north",
        )
    )


@pytest.fixture
def south(tmp_path: Path) -> App:
    """Declare the same streams in another application, whose events may be more ahead."""
    return declare(
        South(
            SOUTH_APP_ID="south",
            TOPIC_PARTITIONS=5,
            SOUTH_MAX_AHEAD="1h",
            APP_DATADIR=tmp_path / "south",
        )
    )


def declare(conf: Settings) -> App:
    """Declare an application that drops negative readings and sums up the others."""
    app = App(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    check = StatelessOperator(
        app, name="check", source=READINGS, make=send_used, outputs=[CHECKED], help="checks"
    )
    sums = WindowTable(
        app,
        name="sums",
        source=CHECKED,
        windows="1m",
        aggregate=Sum("value"),
        record=total,
        grace="1m",
        retention="1d",
        help="sums",
    )
    sums.publish(TOTALS)
    for table, topic in (check, READINGS), (sums, CHECKED):
        fold_by(app, table, topic)
    return app


def send_used(reading: Reading, sender: Any) -> None:
    """Send a reading on unless it is negative."""
    if reading.value >= 0:
        sender.send(reading, to=CHECKED)


def fold_by(app: App, table: Any, topic: Topic) -> None:
    """Declare the agent of a table."""

    @app.agent(app.batches(topic), name=f"fold {table.name}")
    async def fold(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)


def test_each_application_has_its_own_topics(north: App, south: App) -> None:
    """The source keeps its name; changelogs and what is internal have the application's id."""
    found = [
        {each.name: each.partition_count() for each in topics_of(app)} for app in (north, south)
    ]
    common = {"tickstream-owners": 1}
    assert found[0] == common | {
        "readings": 2,
        "eu.north-checked": 2,
        "eu.totals": 2,
        "eu.dead-letters": 3,
        "north-check-changelog": 2,
        "north-sums-changelog": 2,
    }
    assert found[1] == common | {
        "readings": 5,
        "south-checked": 5,
        "totals": 5,
        "dead-letters": 3,
        "south-check-changelog": 5,
        "south-sums-changelog": 5,
    }


def test_two_drivers_run_at_once_and_share_no_record(north: App, south: App) -> None:
    """Each has the partitions and the limits of its own settings, through a crash too."""
    with ExitStack() as ending:
        drivers = [ending.enter_context(TopologyDriver(app)) for app in (north, south)]
        for number in range(20):
            for weight, driver in enumerate(drivers, 1):
                driver.pipe(READINGS, Reading(f"s{number}", weight, START))
        for driver in drivers:
            driver.pipe(READINGS, Reading("ahead", 7, START + HALF_AN_HOUR))
            driver.settle()
            driver.crash(lose_store=True)
            driver.settle()
        sums = [
            {each.sensor: each.sum for each in driver.topic(TOTALS) if each.sensor != "ahead"}
            for driver in drivers
        ]
        assert sums == [{f"s{number}": weight for number in range(20)} for weight in (1, 2)]
        places = [{each.partition for each in driver.records(TOTALS)} for driver in drivers]
        assert places == [set(range(2)), set(range(5))]
        # Half an hour ahead is too much for one of them.
        dead = [[each.topic for each in driver.topic(DEAD_LETTERS)] for driver in drivers]
        assert dead == [["readings"], []]
        names = {tp.topic for driver in drivers for tps in driver.assignment.values() for tp in tps}
        assert names == {"readings", "eu.north-checked", "south-checked"}
