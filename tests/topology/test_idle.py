"""A stage of several inputs waits for the slowest one, but not for an idle one."""

from worker_scenarios import Market

from app.market.rankings import best, ranked
from app.market.records import Tick
from app.market.topics import TICKS
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS
from tables.gainers import gainers

DAY = 86_400_000

#: A time (ms) after the retention of a day, which is eight days of stream time.
LONG_AFTER = 10 * DAY


def pipe(driver: TopologyDriver, partition: int, time: int, symbol: str = "A") -> None:
    """Pipe a tick through all stages."""
    driver.pipe(TICKS, Tick(symbol, 1.0, time), partition=partition)
    driver.settle()


def test_day_is_retained_while_a_slower_partition_may_add_to_it(market: Market) -> None:
    """One partition is ten days ahead in a replay; the day of the other is still ranked."""
    with market(partitions=2) as driver:
        today = driver.now
        driver.advance(LONG_AFTER)
        pipe(driver, 0, today, "A")
        pipe(driver, 1, today, "B")
        pipe(driver, 0, today + LONG_AFTER, "A")
        assert gainers.period_names() == ["2026-01-01", "2026-01-11"]
        pipe(driver, 1, today + 1, "C")
        ranking = ranked(gainers, best, "2026-01-01")
        assert ranking is not None
        assert [gainer.symbol for gainer in ranking.rank] == ["A", "B", "C"]


def test_idle_partition_does_not_block_the_stage(market: Market) -> None:
    """After TICKSTREAM_IDLE (1 min) without records; its records of that day are late then."""
    with market(partitions=2) as driver:
        today = driver.now
        driver.advance(LONG_AFTER)
        pipe(driver, 1, today, "B")
        pipe(driver, 0, today + LONG_AFTER, "A")
        driver.advance("1m")
        pipe(driver, 0, today + LONG_AFTER + 1, "A")
        assert gainers.period_names() == ["2026-01-11"]
        pipe(driver, 1, today + 1, "C")
        assert gainers.period_names() == ["2026-01-11"]
        (letter,) = driver.read(DEAD_LETTERS)
        assert letter.topic == "daily-gains"
        assert "older than the retention" in letter.error


def test_deletion_of_an_expired_day_survives_a_restart(market: Market) -> None:
    """It is in the meta row: no new owner ranks a part of the day."""
    with market(partitions=2) as driver:
        today = driver.now
        driver.advance(LONG_AFTER)
        pipe(driver, 1, today, "B")
        pipe(driver, 0, today + LONG_AFTER, "A")
        driver.advance("1m")
        pipe(driver, 0, today + LONG_AFTER + 1, "A")
        driver.crash(lose_store=True)
        pipe(driver, 1, today + 1, "B")
        assert gainers.period_names() == ["2026-01-11"]
        assert len(driver.read(DEAD_LETTERS)) == 1
