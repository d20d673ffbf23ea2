"""Telemetry of running tasks: gauges that move with their partitions, and spans."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from sensors import NewSensors, Reading

from eventfold.engine.gauges import TaskGauges
from eventfold.engine.progress import Progress
from eventfold.telemetry import traces
from eventfold.telemetry.otel import OpenTelemetry
from eventfold.testing import TopologyDriver

PARTITIONS = 4
RECORDS = 100


@pytest.fixture
def driver(new_sensors: NewSensors) -> Iterator[TopologyDriver]:
    """Yield a worker with four partitions, a hundred readings in each, in batches of 25."""
    sensors = new_sensors()
    with sensors.drive(partitions=PARTITIONS, batch=25) as driver:
        for partition in range(PARTITIONS):
            readings = [Reading(f"s{partition}", n, driver.now) for n in range(RECORDS)]
            driver.pipe(sensors.readings, *readings, partition=partition)
        yield driver


def gauge(driver: TopologyDriver, worker: str, name: str) -> dict[int, float]:
    """Return a gauge of a worker by partition."""
    tasks = driver._cluster[worker].tasks
    families = {family.name: family for family in TaskGauges(tasks).collect()}
    return {int(each.labels["partition"]): each.value for each in families[name].samples}


def lag(name: str = "eventfold_lag_records") -> dict[int, float]:
    """Return the lag of this process' tasks by partition, whichever worker has them."""
    samples = [each for family in REGISTRY.collect() for each in family.samples]
    return {
        int(each.labels["partition"]): each.value
        for each in samples
        if each.name == name and each.labels.get("topic") == "readings"
    }


def test_lag_counts_records_that_are_not_folded(driver: TopologyDriver) -> None:
    """The end of a partition must be known; a transaction marker there is not a record."""
    driver.settle()
    assert lag("eventfold_position_offset") == dict.fromkeys(range(PARTITIONS), RECORDS)
    task, *_ = driver._cluster["w1"].tasks.all
    task.saw_end(RECORDS + 50)
    assert lag() == {0: 50, 1: 0, 2: 0, 3: 0}
    task.saw_fetched(RECORDS + 49)
    assert lag() == {0: 1, 1: 0, 2: 0, 3: 0}


def test_checkpoints_are_timed_from_their_snapshot_to_their_commit(driver: TopologyDriver) -> None:
    """By the driver's clock, commits take no time."""

    def timed(what: str) -> float:
        name = f"eventfold_checkpoint_seconds_{what}"
        return REGISTRY.get_sample_value(name, {"topic": "readings"}) or 0

    before = timed("count"), timed("sum")
    driver.advance("1m")
    driver.settle()
    assert timed("count") >= before[0] + PARTITIONS
    assert timed("sum") == before[1]


def test_gauges_of_a_partition_move_with_it_to_its_new_worker(driver: TopologyDriver) -> None:
    """A worker reports only the partitions it has."""
    gauges = "eventfold_stream_time_seconds", "eventfold_store_bytes"
    driver.settle()
    for name in gauges:
        assert gauge(driver, "w1", name).keys() == set(range(PARTITIONS))
    driver.rebalance({"w1": [0, 1], "w2": [2, 3]})
    for name in gauges:
        assert gauge(driver, "w1", name).keys() == {0, 1}
        assert gauge(driver, "w2", name).keys() == {2, 3}


def test_the_duration_of_a_restore_is_forgotten_when_its_partition_is_closed(
    driver: TopologyDriver,
) -> None:
    """Whoever opens it next has restored it in another time."""

    def shown() -> set[int]:
        samples = [each for family in REGISTRY.collect() for each in family.samples]
        name = "eventfold_restore_seconds"
        of_table = [s for s in samples if s.name == name and s.labels["table"] == "sums"]
        return {int(each.labels["partition"]) for each in of_table}

    driver.settle()
    for partition in range(PARTITIONS):
        Progress("sums", partition).finish()
    assert shown() == set(range(PARTITIONS))
    driver.rebalance({"w1": [0, 1], "w2": [2, 3]})
    # The driver measures no restores of its own.
    assert shown() == set()


@pytest.fixture
def spans(new_sensors: NewSensors) -> Iterator[InMemorySpanExporter]:
    """Keep the finished spans."""
    exporter = InMemorySpanExporter()
    traces.use(OpenTelemetry(new_sensors().app.settings, exporter))
    yield exporter
    traces.stop()


def test_spans_are_made_for_batches_and_not_for_records(spans, driver: TopologyDriver) -> None:
    """Each batch, checkpoint and restore has one, with its partition and size."""
    driver.settle()
    traces.stop()
    made = spans.get_finished_spans()
    folds = [span.attributes for span in made if span.name == "fold"]
    assert [fold["messaging.batch.message_count"] for fold in folds] == [25] * 16
    partitions = {fold["messaging.destination.partition.id"] for fold in folds}
    assert partitions == {"0", "1", "2", "3"}
    assert {span.name for span in made} == {"fold", "checkpoint", "restore"}
    rows = [s.attributes["tickstream.rows"] for s in made if s.name == "checkpoint"]
    assert sum(rows) >= PARTITIONS
    assert len(made) < RECORDS


def test_no_span_is_made_without_tracing(driver: TopologyDriver) -> None:
    """Each call returns the same no-op span."""
    assert traces.span("a") is traces.span("b", offset=1)
    assert (traces.ids(), traces.headers()) == ({}, {})
    driver.settle()
