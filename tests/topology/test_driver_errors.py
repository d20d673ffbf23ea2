"""Errors in agents, tasks and tests are raised by the call in which they happen."""

import asyncio
from collections.abc import AsyncIterable

import pytest
from sensors import NewSensors, Reading, Sensors
from worker_scenarios import Market

from app import app
from app.market.topics import CANDLES, DAILY_GAINS, TICKS, TOP_GAINERS
from eventfold.engine.batch import Batch
from eventfold.engine.errors import BatchError, OtherHistoryError, TaskError
from eventfold.testing import START, DriverError, TopologyDriver
from eventfold.topics import Changelog
from eventfold.windows import WindowResult
from tables.candles import candles


def test_error_of_an_agent_is_raised_by_run(new_sensors: NewSensors) -> None:
    """It is raised by the call in which it happened."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def stumble(batches: AsyncIterable[Batch]) -> None:
        async for _ in batches:
            raise ArithmeticError("no such sensor")

    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        with pytest.raises(ArithmeticError, match="no such sensor"):
            driver.run()


def test_error_of_a_record_function_is_raised_at_the_checkpoint(new_sensors: NewSensors) -> None:
    """A task that failed by it would fail again and again."""

    def record(result: WindowResult) -> None:
        raise ArithmeticError(result.key)

    sensors = new_sensors(record=record)
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.advance("800ms")
        with pytest.raises(TaskError, match=r"window 1m .* of key 's' .* ArithmeticError: s"):
            driver.advance("1s")
        assert driver.now == START + 1_000


def test_batch_that_was_never_folded_is_an_error(new_sensors: NewSensors) -> None:
    """The next batch would be folded over the gap: records would be lost unnoticed."""
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


@pytest.mark.parametrize("committed", [True, False])
def test_agent_that_fails_after_folding_stops_the_worker_at_third_failure(
    new_sensors: NewSensors, committed: bool
) -> None:
    """Whether a checkpoint has committed a batch meanwhile or not, each batch counts once."""
    sensors = new_sensors()
    seen = fail_after_folds(sensors, times=3, waits=1.0 if committed else 0.0)
    with sensors.drive(batch=1) as driver:
        for value in (1, 10, 100):
            driver.pipe(sensors.readings, Reading("s", value, driver.now))
        for _ in range(2):
            with pytest.raises(BatchError, match="no room"):
                driver.advance("10s")
        with pytest.raises(TaskError, match="attempt 3 of 3"):
            driver.advance("30s")
        assert seen == ([0, 1, 2] if committed else [0, 0, 0])


def test_failure_count_is_reset_once_an_agent_works_again(new_sensors: NewSensors) -> None:
    """A batch that was committed before its agent raised is not delivered, or counted, again."""
    sensors = new_sensors()
    seen = fail_after_folds(sensors, times=2, waits=1.0)
    with sensors.drive(batch=1) as driver:
        for value in (1, 10, 100, 1_000):
            driver.pipe(sensors.readings, Reading("s", value, driver.now))
        for _ in range(2):
            with pytest.raises(BatchError, match="no room"):
                driver.advance("10s")
        driver.settle()
        assert seen == [0, 1, 2, 3]
        assert driver.topic(sensors.totals)[-1].sum == 1_111


def fail_after_folds(sensors: Sensors, *, times: int, waits: float) -> list[int]:
    """Make the agent fold, wait (s) and fail so many times; return where its batches began."""
    seen: list[int] = []
    sensors.app.agents.clear()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def stumble(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            if not batch.task.holds(batch.task.states[0] if batch.task.states else None):
                continue
            seen.append(batch.begin)
            await sensors.table.fold(batch)
            await asyncio.sleep(waits)
            if len(seen) <= times:
                # As the application does where an agent raises.
                batch.task.fail(BatchError(f"no room for {batch}", batch.begin, batch.end))

    return seen


def test_task_stops_when_its_changelog_lost_its_rows(
    sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that the state is lost."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        empty = Changelog("another", sensors.readings.of(sensors.app.tasks.conf))
        monkeypatch.setattr(sensors.table, "changelog", empty)
        driver.crash()
        with pytest.raises(TaskError, match="its state is lost"):
            driver.advance("10s")


def test_recreated_changelog_is_rejected(sensors: Sensors) -> None:
    """Also where a checkpoint was written to the new one before: the earlier rows are missing."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now), Reading("t", 1, driver.now))
        driver.settle()
        driver.remake(sensors.table.changelog.name)
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        with pytest.raises(OtherHistoryError, match=r"sums-changelog was deleted and made anew"):
            driver.crash()
        with pytest.raises(OtherHistoryError, match=r"sums-changelog was deleted and made anew"):
            driver.crash(lose_store=True)


def test_stale_store_is_rebuilt_from_a_recreated_changelog(sensors: Sensors) -> None:
    """The application was reset and run on another worker; this one returns with its old store."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, *(Reading("old", 1, driver.now) for _ in range(9)))
        driver.settle()
        driver.kill()
        driver.remake(sensors.table.changelog.name)
        driver.remake(sensors.readings)
        driver.rebalance(["w2"])
        for _ in range(5):
            driver.pipe(sensors.readings, Reading("new", 1, driver.now))
            driver.settle()
        driver.rebalance(["w1"])
        assert sensors.table.keys() == ["new"]
        driver.pipe(sensors.readings, Reading("new", 1, driver.now))
        driver.settle()
        assert driver.topic(sensors.totals)[-1].count == 6


def test_source_that_ends_before_its_tables_is_rejected(sensors: Sensors) -> None:
    """It was recreated: new records have offsets that the tables have folded already."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        log = driver._kafka.log(sensors.readings.base_name, 0)
        log.records.clear()
        log.end = 0
        driver.crash()
        with pytest.raises(TaskError, match="ends at offset 0, its tables stand at 1"):
            driver.advance("10s")


def test_recreated_source_is_rejected_while_running_and_when_opening(
    sensors: Sensors,
) -> None:
    """It has more records than were folded of the old one: none of them is skipped."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, *(Reading("s", 1, driver.now) for _ in range(3)))
        driver.settle()
        before = driver.topic(sensors.totals)
        driver.remake(sensors.readings)
        driver.pipe(sensors.readings, *(Reading("s", 5, driver.now) for _ in range(10)))
        message = "readings was deleted and made anew: none of its records is folded"
        with pytest.raises(TaskError, match=message):
            driver.run()
        with pytest.raises(TaskError, match=message):
            driver.crash()
        assert driver.topic(sensors.totals) == before


def test_state_without_a_source_id_is_accepted_and_gets_one(sensors: Sensors) -> None:
    """Earlier versions wrote such state."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        (state,) = sensors.table.open_states()
        state.meta.source_ids.clear()
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        driver.crash()
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        assert driver.topic(sensors.totals)[-1].count == 3
        driver.remake(sensors.readings)
        with pytest.raises(TaskError, match="made anew"):
            driver.crash()


def test_state_of_other_tables_on_the_same_source_is_rejected(
    sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers may start with different pipelines at once: it is found when a task opens."""
    with sensors.drive() as driver:
        driver.pipe(sensors.readings, Reading("s", 1, driver.now))
        driver.settle()
        monkeypatch.setattr(sensors.table, "name", "other")
        with pytest.raises(TaskError, match="folds readings into sums, this worker into other"):
            driver.crash()


def test_an_agent_that_ends_is_an_error(new_sensors: NewSensors) -> None:
    """Its table would get no more records."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def end_at_once(_: AsyncIterable[Batch]) -> None:
        """Do nothing."""

    with pytest.raises(DriverError, match=r"end_at_once has ended"), sensors.drive():
        pass


def test_an_agent_that_yields_is_an_error(new_sensors: NewSensors) -> None:
    """Its values would be lost."""
    sensors = new_sensors()

    @sensors.app.agent(sensors.app.batches(sensors.readings))
    async def yield_sizes(batches: AsyncIterable[Batch]) -> AsyncIterable[int]:
        async for batch in batches:
            yield len(batch)

    with pytest.raises(DriverError, match=r"yield_sizes yields"), sensors.drive():
        pass


async def test_driver_can_not_be_used_in_a_coroutine(sensors: Sensors) -> None:
    """It runs an event loop of its own."""
    with pytest.raises(DriverError, match="plain function"), sensors.drive():
        pass


def test_misuse_raises_an_error_that_names_the_mistake(market: Market, sensors: Sensors) -> None:
    """The error is one line."""
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
            with pytest.raises(DriverError) as error:
                misuse()
            assert expected in str(error.value)
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
    """No stage publishes anything, also after a crash."""
    with market(partitions=2) as driver:
        driver.pipe(TICKS)
        driver.settle()
        driver.crash(at="before commit")
        driver.restart()
        driver.advance("1d")
        assert [driver.topic(t) for t in (CANDLES, DAILY_GAINS, TOP_GAINERS)] == [[], [], []]
