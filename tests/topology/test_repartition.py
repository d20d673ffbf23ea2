"""A custom repartition: exact, with event times and coordinates, through worker failures."""

import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec import Struct
from worker_scenarios import EVENING, LATER, MINUTE, SCENARIOS, Scenario, play

from app.market.records import Tick
from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.repartition import Origin, repartition
from eventfold.kafka.tables import TaskTableManager
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS, Topic
from eventfold.windows import DefinitionError


class View(Struct):
    """View of a page."""

    page: str
    visitor: str
    time: int
    seconds: float


class Stay(Struct):
    """A view, by visitor, with its source coordinates."""

    visitor: str
    page: str
    time: int
    partition: int
    offset: int
    stream_time: int


VIEWS = Topic("views", View, key="page", purpose="who looks at which page")
STAYS = Topic("stays", Stay, key="visitor", purpose="the same by visitor", partitions=2)


def stay(view: View, origin: Origin) -> Stay | None:
    """Leave short views out; some views raise, and some lose their time."""
    if view.seconds < 2:
        return None
    if view.seconds == 3:
        raise ValueError("three is broken")
    time = view.time + (view.seconds == 5)
    source = origin.partition, origin.offset, origin.stream_time
    return Stay(view.visitor, view.page, time, *source)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> TickApp:
    """Declare an application that does nothing but repartition."""
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("site"))
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    repartition(app, source=VIEWS, to=STAYS, record=stay)
    return app


def pipe(driver: TopologyDriver, tick: Tick | bytes) -> None:
    """Pipe a view, or bytes as they are."""
    if isinstance(tick, bytes):
        driver.pipe_raw(VIEWS, tick, tick)
    else:
        driver.pipe(VIEWS, View(tick.symbol, f"V{tick.size}", tick.time, tick.price))


@settings(max_examples=40)
@given(SCENARIOS)
def test_each_record_is_repartitioned_once_with_source_coordinates(
    site: TickApp, scenario: Scenario
) -> None:
    """Records are in the order of their source; stream time is that of the source up to each."""
    with TopologyDriver(
        site, partitions=2, start=LATER, commit_time=scenario.commit_time
    ) as driver:
        play(driver, scenario, pipe)
        driver.crash(lose_store=True)
        driver.settle()
        expected, broken = sent_and_broken(driver)
        found = defaultdict(list)
        for record in driver.records(STAYS):
            value = json.loads(record.value)
            assert record.key == value["visitor"].encode()
            source = f"views-{value['partition']}-{value['offset']}".encode()
            assert dict(record.headers) == {"source": source}
            found[value["partition"], record.partition].append(value)
        in_order = {
            (source, partition): [v for v in expected[source] if v in values]
            for (source, partition), values in found.items()
        }
        assert found == in_order
        assert sum(map(len, found.values())) == sum(map(len, expected.values()))
        dead = [(each.partition, each.offset) for each in driver.topic(DEAD_LETTERS)]
        assert sorted(dead) == sorted(broken)


def sent_and_broken(
    driver: TopologyDriver,
) -> tuple[dict[int, list[dict[str, Any]]], list[tuple[int, int]]]:
    """Compute the expected records, by source partition, and the coordinates of broken views."""
    sent, broken = defaultdict(list), []
    reached: dict[int, int] = defaultdict(int)
    for record in sorted(driver.records(VIEWS), key=lambda r: (r.partition, r.offset)):
        place = record.partition, record.offset
        try:
            view = json.loads(record.value)
        except ValueError:
            broken.append(place)
            continue
        reached[record.partition] = max(reached[record.partition], view["time"])
        if view["seconds"] in (3, 5):
            broken.append(place)
        elif view["seconds"] >= 2:
            kept = {name: view[name] for name in ("visitor", "page", "time")}
            source = {"partition": place[0], "offset": place[1]}
            sent[record.partition].append(
                kept | source | {"stream_time": reached[record.partition]}
            )
    return sent, broken


def test_records_are_repartitioned_unchanged_without_a_function(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """They have the key that the new topic names."""
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("plain"))
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    by_visitor = Topic(
        "views-by-visitor", View, key="visitor", purpose="views by visitor", partitions=2
    )
    repartition(app, source=VIEWS, to=by_visitor)
    with TopologyDriver(app, partitions=2, start=LATER) as driver:
        views = [View("/", f"V{n}", EVENING + n * MINUTE, 1.5) for n in range(9)]
        driver.pipe(VIEWS, *views)
        driver.settle()
        found = driver.records(by_visitor)
        assert {record.key for record in found} == {view.visitor.encode() for view in views}
        assert sorted(driver.topic(by_visitor), key=lambda view: view.time) == views
        assert {record.partition for record in found} == {0, 1}


def test_topic_without_its_key_or_time_field_is_rejected(site: TickApp) -> None:
    """It is rejected when it is declared, not at the first record."""
    for topic, field in [
        (Topic("a", View, key="user", purpose="no such key"), "user"),
        (Topic("b", View, key="visitor", purpose="no such time", time="at"), "at"),
    ]:
        with pytest.raises(DefinitionError, match=f"View has no field '{field}'"):
            repartition(site, source=VIEWS, to=topic)
