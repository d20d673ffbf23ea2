"""What goes wrong in agents, tasks and tests is told by the call in which it happens."""

from collections.abc import AsyncIterable

import pytest
from lives import Market
from sensors import NewSensors, Reading, Sensors

from app import app
from app.state.batch import Batch
from app.state.errors import BatchError, TaskError
from app.state.window_table import WindowTable
from app.testing import START, DriverError, TopologyDriver
from app.topics import CANDLES, DAILY_GAINS, TICKS, TOP_GAINERS, Changelog
from app.windows import WindowResult
from tables.candles import candles


def test_what_an_agent_raises_is_raised(new_sensors: NewSensors) -> None:
    """By the call in which it happened."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def stumble(batches: AsyncIterable[Batch]) -> None:
        async for _ in batches:
            raise ArithmeticError("no such sensor")

    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        with pytest.raises(ArithmeticError, match="no such sensor"):
            driver.run()


def test_what_a_checkpoint_raises_is_raised(new_sensors: NewSensors) -> None:
    """Such as a table's `record`: a task that is lost for it would be lost again and again."""

    def record(result: WindowResult) -> None:
        raise ArithmeticError(result.key)

    sensors = new_sensors(record=record)
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.advance("800ms")
        with pytest.raises(TaskError, match=r"window 1m .* of key 's' .* ArithmeticError: s"):
            driver.advance("1s")
        assert driver.now == START + 1_000


def test_a_batch_that_was_never_folded_is_missed(new_sensors: NewSensors) -> None:
    """The next one would be folded over the gap: records would be lost, and nobody would know."""
    sensors = new_sensors()
    sensors.app.agents.clear()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def skip(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            if batch.begin > 0:
                await sensors.table.fold(batch)

    with sensors.drive(batch=1) as driver:
        for value in range(2):
            driver.pipe(sensors.readings, Reading("s", value, driver.now))
        driver.run()
        with pytest.raises(BatchError, match=r"offsets 0 to 0 of readings-0 .* not folded"):
            driver.advance("1s")
        assert driver.topic(sensors.totals) == []


def test_state_that_can_not_be_is_refused(
    sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changelog that lost its rows stops the task, with its word."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        lost = Changelog("another", sensors.readings)
        monkeypatch.setattr(WindowTable, "changelog", lost)
        with pytest.raises(TaskError, match="its state is lost"):
            driver.crash()


def test_a_source_that_ends_before_its_tables_is_refused(sensors: Sensors) -> None:
    """It was made anew: what comes now has offsets that the tables take for folded."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        log = driver._kafka.log(sensors.readings.name, 0)
        log.records.clear()
        log.end = 0
        driver.crash()
        with pytest.raises(TaskError, match="ends at offset 0, its tables stand at 1"):
            driver.advance("10s")


def test_other_tables_on_the_same_source_are_refused(
    sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two workers began with different pipelines at the same time: a task's opening sees."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        monkeypatch.setattr(sensors.table, "name", "other")
        with pytest.raises(TaskError, match="folds readings into sums, this worker into other"):
            driver.crash()


def test_an_agent_that_ends_is_an_error(new_sensors: NewSensors) -> None:
    """Its table would get nothing any more."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def leave(_: AsyncIterable[Batch]) -> None:
        """Do nothing."""

    with pytest.raises(DriverError, match=r"leave has ended"), sensors.drive():
        pass


def test_an_agent_that_yields_is_an_error(new_sensors: NewSensors) -> None:
    """Its values would go nowhere."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def give(batches: AsyncIterable[Batch]) -> AsyncIterable[int]:
        async for batch in batches:
            yield len(batch)

    with pytest.raises(DriverError, match=r"give yields"), sensors.drive():
        pass


async def test_a_coroutine_can_not_use_it(sensors: Sensors) -> None:
    """It runs a loop of its own."""
    with pytest.raises(DriverError, match="plain function"), sensors.drive():
        pass


def test_misuse_is_told(market: Market, sensors: Sensors) -> None:
    """In a line that says what can't be."""
    with market(partitions=2) as driver:
        for expected, misuse in (
            ("no table in this driver is folded from candles", lambda: driver.pipe(CANDLES)),
            ("ticks holds Tick, not Reading", lambda: driver.pipe(TICKS, Reading("s", 1, 1))),
            ("partitions 0 to 1", lambda: driver.pipe_raw(TICKS, None, b"", partition=2)),
            ("reads or writes totals", lambda: driver.read(sensors.totals)),
            ("no worker 'w9'", lambda: driver.kill("w9")),
            ("none for [1]", lambda: driver.rebalance({"w1": [0]})),
            ("no such [2]", lambda: driver.rebalance({"w1": [0, 1, 2]})),
            ("to w1 and to w2", lambda: driver.rebalance({"w1": [0, 1], "w2": [0]})),
            ("at least one worker", lambda: driver.rebalance([])),
            ("nobody has partition 5", lambda: driver.fail_checkpoint(TICKS, 5)),
            ("another driver", market),
        ):
            with pytest.raises(DriverError) as told:
                misuse()
            assert expected in str(told.value)
        driver.freeze("w1")
        with pytest.raises(DriverError, match="w1 is frozen"):
            driver.rebalance(["w1"])
    for expected, options in (
        ("TOPIC_PARTITIONS is 6", {"tables": [candles], "partitions": 7}),
        ("another application", {"tables": [sensors.table]}),
        ("no table to run", {"tables": []}),
    ):
        with pytest.raises(DriverError, match=expected):
            TopologyDriver(app, **options)


def test_piping_nothing_is_harmless(market: Market) -> None:
    """Nothing comes of nothing, in any stage, after any crash."""
    with market(partitions=2) as driver:
        driver.pipe(TICKS)
        driver.settle()
        driver.crash(at="before commit")
        driver.restart()
        driver.advance("1d")
        assert [driver.topic(t) for t in (CANDLES, DAILY_GAINS, TOP_GAINERS)] == [[], [], []]
