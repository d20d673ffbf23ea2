"""Promises of the topology driver: time that is advanced by hand, real tasks, clear errors."""

import asyncio
from collections.abc import AsyncIterable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from sensors import NewSensors, Reading, Sensors
from worker_scenarios import Market

from app.market.records import Tick
from app.market.topics import CANDLES, TICKS
from eventfold.engine.batch import Batch
from eventfold.testing import START, DriverError
from eventfold.windows import tumbling

MINUTE = 60_000


# -- time


def test_time_advances_only_on_request(sensors: Sensors) -> None:
    """Time is advanced by milliseconds, or by a duration as text."""
    with sensors.drive() as driver:
        assert driver.now == START
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.run()
        assert driver.now == START
        driver.advance(1)
        driver.advance("2h")
        assert driver.now == START + 7_200_001


def test_checkpoints_and_publications_happen_when_due(sensors: Sensors) -> None:
    """Each 200 ms a checkpoint, each second a publication: in one leap or in many steps."""
    stamps = []
    for steps in ([10_000], [1] * 150 + [9_850], [999, 1, 9_000]):
        with sensors.drive() as driver:
            driver.pipe(sensors.readings, Reading("s", 1, driver.now))
            for step in steps:
                driver.advance(step)
            stamps.append([record.timestamp for record in driver.records(sensors.totals)])
    assert stamps == [[START + 1_000]] * 3


def test_idle_checkpoints_are_skipped_and_stay_on_schedule(sensors: Sensors) -> None:
    """A month without records takes no real time; later checkpoints fall on the same instants."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.advance("30d")
        driver.advance(50)
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        assert driver.now == START + 30 * 86_400_000 + 200
        assert [total.final for total in driver.read(sensors.totals)] == [False, True, False]


def test_agent_sleeps_by_the_clock_of_the_driver(new_sensors: NewSensors) -> None:
    """`asyncio.sleep` and `asyncio.timeout` take no real time."""
    sensors = new_sensors()
    woken_at = []

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def doze(batches: AsyncIterable[Batch]) -> None:
        async for _ in batches:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3600):
                    await asyncio.sleep(7200)
            woken_at.append(driver.now)

    with sensors.drive(batch=1) as driver:
        driver.pipe(sensors.readings, *(Reading("s", 1, driver.now) for _ in range(2)))
        driver.advance(3_599_999)
        assert woken_at == []
        driver.advance("1h")
        assert woken_at == [START + 3_600_000]
        driver.settle()
        assert woken_at == [START + 3_600_000, START + 7_200_000]


def test_endless_loop_at_one_instant_is_an_error(new_sensors: NewSensors) -> None:
    """The error comes instead of a test that never ends."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def spin(_: AsyncIterable[Batch]) -> None:
        while True:  # noqa: ASYNC110  # the driver has to catch this
            await asyncio.sleep(0)

    with pytest.raises(DriverError, match="at one instant"), sensors.drive():
        pass


def test_worker_that_never_settles_is_an_error(new_sensors: NewSensors) -> None:
    """The error names the worker."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def pace(_: AsyncIterable[Batch]) -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(1000)

    with sensors.drive() as driver, pytest.raises(DriverError, match="w1 has not come to rest"):
        driver.settle()


# -- records


def test_records_get_offsets_timestamps_and_a_partition_by_their_key(market: Market) -> None:
    """The partition is the one Java's producer would choose; an output stays in its own.

    Hashes of these keys stand in Kafka's UtilsTest: 479470107, -790332482, -985981536.
    """
    symbols = ["abc", "foobar", "a-little-bit-long-string", "abc"]
    with market() as driver:
        piped = driver.pipe(TICKS, *(Tick(symbol, 1.0, START) for symbol in symbols))
        assert [record.partition for record in piped] == [3, 0, 2, 3]
        assert [record.offset for record in piped] == [0, 0, 0, 1]
        assert {record.timestamp for record in piped} == {START}
        driver.settle()
        places = {record.key: record.partition for record in driver.records(CANDLES)}
        assert places == {record.key: record.partition for record in piped}


def test_read_returns_only_new_records(sensors: Sensors) -> None:
    """`read` returns new records, `topic` all of them."""
    with sensors.drive() as driver:
        for number in range(3):
            driver.pipe(sensors.readings, Reading("s", 1, driver.now))
            driver.settle()
            assert [total.sum for total in driver.read(sensors.totals)] == [number + 1]
        assert driver.read(sensors.totals) == []
        assert [total.sum for total in driver.topic(sensors.totals)] == [1, 2, 3]


def test_batches_are_filled_up_to_their_limit(new_sensors: NewSensors) -> None:
    """It does not depend on how records were piped; each partition has its turn."""
    sensors = new_sensors()
    seen: list[tuple[int, int]] = []

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def note_size(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            seen.append((batch.task.partition, len(batch)))  # noqa: PERF401  # one by one

    with sensors.drive(partitions=2, batch=2) as driver:
        for partition in (0, 1):
            driver.pipe(
                sensors.readings,
                *(Reading("s", 1, driver.now) for _ in range(3)),
                partition=partition,
            )
        driver.run()
        driver.batch = 100
        driver.pipe(sensors.readings, *(Reading("s", 1, driver.now) for _ in range(7)), partition=0)
        driver.run()
    assert seen == [(0, 2), (1, 2), (0, 1), (1, 1), (0, 7)]


def test_offsets_have_gaps_where_transactions_ended(sensors: Sensors) -> None:
    """A transaction marker takes an offset, as in Kafka."""
    with sensors.drive() as driver:
        for _ in range(3):
            driver.pipe(sensors.readings, Reading("s", 1, driver.now))
            driver.settle()
        assert [record.offset for record in driver.records(sensors.totals)] == [0, 2, 4]


# -- workers


def test_a_failed_transaction_reopens_its_task(sensors: Sensors) -> None:
    """The product's own code does so, after two heartbeats and a second."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.fail_checkpoint(sensors.readings, 0)
        driver.advance("200ms")
        assert sensors.table.partitions == []
        assert not sensors.table.ready
        driver.advance(1_599)
        assert sensors.table.partitions == []
        driver.advance(1)
        assert sensors.table.partitions == [0]
        driver.settle()
        assert [total.sum for total in driver.read(sensors.totals)] == [1]


def test_each_worker_has_its_own_store(sensors: Sensors, tmp_path: Path) -> None:
    """A worker that returns has its old store, and restores the rest from the changelog."""
    with sensors.drive(partitions=2, directory=tmp_path) as driver:
        driver.rebalance({"a": [0], "b": [1]})
        driver.pipe(sensors.readings, Reading("s", 1, driver.now), partition=0)
        driver.settle()
        assert {path.name for path in (tmp_path / "a").iterdir()} == {"sums-0"}
        driver.rebalance(["b"])
        driver.pipe(sensors.readings, Reading("s", 2, driver.now), partition=0)
        driver.settle()
        driver.rebalance({"a": [0], "b": [1]})
        answer = sensors.table.read("s", tumbling("1m"), 0, driver.now)
        assert [total.sum for total in answer] == [3]


def test_partitions_are_spread_evenly(market: Market) -> None:
    """Those of one topic are spread over all workers, the next topic's from the next worker on."""
    with market(partitions=3) as driver:
        driver.rebalance(["a", "b"])
        assert driver.assignment == {
            "a": [TopicPartition("ticks", 0), TopicPartition("ticks", 2)],
            "b": [TopicPartition("daily-gains", 0), TopicPartition("ticks", 1)],
        }


def test_driver_restores_the_application_on_exit(sensors: Sensors) -> None:
    """It has its own tasks, no partition open and no store locked, also after an error."""
    before = sensors.app.tasks
    with pytest.raises(DriverError), sensors.drive() as driver:  # noqa: PT012  # it has to be open
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.run()
        driver.kill("nobody")
    assert sensors.app.tasks is before
    assert sensors.table.partitions == []
    with sensors.drive() as driver:
        assert driver.topic(sensors.readings) == []
