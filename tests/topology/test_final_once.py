"""A final result comes once, to a reader of what is committed, however the worker dies."""

from collections.abc import Callable, Iterator

import pytest

from app import app
from app.market.records import Tick
from app.market.topics import CANDLES, TICKS
from eventfold.records.candles import Candle
from eventfold.testing import TopologyDriver
from tables.candles import candles

pytestmark = pytest.mark.usefixtures("folding")

MINUTE = 60_000

#: How long a transaction takes here (ms).
COMMIT_TIME = 100


@pytest.fixture
def driver() -> Iterator[TopologyDriver]:
    """Yield a driver whose transactions take `COMMIT_TIME`."""
    with TopologyDriver(app, tables=[candles], partitions=1, commit_time=COMMIT_TIME) as running:
        yield running


def pipe_a_minute_that_ends(driver: TopologyDriver) -> None:
    """Pipe two ticks in a minute, then one that makes it final; all but publish it.

    A checkpoint begins 200 ms after the last one began: the one in a millisecond publishes.
    """
    noon = driver.now
    ticks = [Tick("A", 10.0, noon), Tick("A", 12.0, noon + 1), Tick("A", 9.0, noon + 6 * MINUTE)]
    driver.pipe(TICKS, *ticks)
    driver.advance(999)


def finals(driver: TopologyDriver) -> list[Candle]:
    """Return the committed final results of the windows of one minute."""
    return [each for each in driver.topic(CANDLES) if each.final and each.size == MINUTE]


def assert_final_once(driver: TopologyDriver) -> None:
    """There is one final result, and it is right."""
    driver.settle()
    (final,) = finals(driver)
    assert (final.open, final.close, final.count) == (10.0, 12.0, 2)


@pytest.mark.parametrize("moment", [0, 1, 49, 50, 51, 99, 100, 101])
def test_whenever_a_worker_dies_in_its_checkpoint(driver: TopologyDriver, moment: int) -> None:
    """So many ms after it began: nothing is visible, or all of it is, and is published once."""
    pipe_a_minute_that_ends(driver)
    driver.advance(1 + moment)
    assert len(finals(driver)) == (moment >= COMMIT_TIME / 2)
    driver.crash()
    assert_final_once(driver)


def zombie(driver: TopologyDriver) -> None:
    """The worker stands still in its checkpoint, another one takes over, then it goes on."""
    driver.advance(1 + COMMIT_TIME // 4)
    driver.freeze("w1")
    driver.rebalance(["w2"])
    driver.settle()
    driver.thaw("w1")


def late_zombie(driver: TopologyDriver) -> None:
    """It stands still when its transaction is committed, and does not know it."""
    driver.advance(1 + COMMIT_TIME // 2)
    driver.freeze("w1")
    driver.rebalance(["w2"])
    driver.settle()
    driver.thaw("w1")


def kill(driver: TopologyDriver) -> None:
    """Another worker gets the partition, with no store."""
    driver.advance(1 + COMMIT_TIME // 4)
    driver.kill("w1")
    driver.rebalance(["w2"])


def kill_twice(driver: TopologyDriver) -> None:
    """The second one dies as well, in its own first publication; the first comes back."""
    kill(driver)
    driver.advance(1_000 + COMMIT_TIME // 2)
    assert finals(driver)
    driver.kill("w2")
    driver.rebalance(["w1"])


DEATHS: dict[str, Callable[[TopologyDriver], object]] = {
    "before the commit": lambda driver: driver.crash(at="before commit"),
    "after the commit": lambda driver: driver.crash(at="after commit"),
    "with the disk": lambda driver: driver.crash(at="after commit", lose_store=True),
    "no answer, not committed": lambda driver: driver.fail_checkpoint(TICKS, 0, "before commit"),
    "no answer, but committed": lambda driver: driver.fail_checkpoint(TICKS, 0, "after commit"),
    "in peace": lambda driver: driver.restart(),
    "moved": lambda driver: driver.rebalance(["w2"]),
    "killed": kill,
    "killed twice": kill_twice,
    "a zombie": zombie,
    "a zombie that had committed": late_zombie,
}


@pytest.mark.parametrize("death", DEATHS)
def test_however_a_worker_ends(driver: TopologyDriver, death: str) -> None:
    """The next one publishes what was not published, and nothing else."""
    pipe_a_minute_that_ends(driver)
    DEATHS[death](driver)
    assert_final_once(driver)
    said = len(driver.topic(CANDLES))
    driver.restart()
    driver.crash(lose_store=True)
    driver.settle()
    assert len(driver.topic(CANDLES)) == said


def test_what_was_aborted_leaves_a_gap(driver: TopologyDriver) -> None:
    """Offsets of an output are not dense: a reader that counts records would be wrong."""
    pipe_a_minute_that_ends(driver)
    driver.advance(1 + COMMIT_TIME // 4)
    driver.crash()
    driver.settle()
    first, *_ = driver.records(CANDLES)
    assert first.offset > 0


def test_a_zombie_that_slept_through_a_rebalance_is_fenced(driver: TopologyDriver) -> None:
    """It writes nothing; what it had folded is in the other one's windows."""
    pipe_a_minute_that_ends(driver)
    driver.freeze("w1")
    driver.rebalance(["w2"])
    driver.settle()
    said = driver.records(CANDLES)
    driver.thaw("w1")
    driver.advance("1m")
    assert driver.records(CANDLES) == said
    driver.rebalance(["w1", "w2"])
    driver.settle()
    assert_final_once(driver)
