"""A final result is published once to read_committed readers, however the worker ends."""

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
    """Pipe two ticks in a minute, then one that makes it final; stop just before its publication.

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
    """Assert that there is one final result, and that it is right."""
    driver.settle()
    (final,) = finals(driver)
    assert (final.open, final.close, final.count) == (10.0, 12.0, 2)


@pytest.mark.parametrize("delay", [0, 1, 49, 50, 51, 99, 100, 101])
def test_final_result_is_published_once_when_a_checkpoint_is_cut_short(
    driver: TopologyDriver, delay: int
) -> None:
    """`delay` ms after it began nothing is visible, or all of it; it is published once."""
    pipe_a_minute_that_ends(driver)
    driver.advance(1 + delay)
    assert len(finals(driver)) == (delay >= COMMIT_TIME / 2)
    driver.crash()
    assert_final_once(driver)


def freeze_during_commit(driver: TopologyDriver) -> None:
    """Freeze the worker in its checkpoint until another one has taken over."""
    driver.advance(1 + COMMIT_TIME // 4)
    driver.freeze("w1")
    driver.rebalance(["w2"])
    driver.settle()
    driver.thaw("w1")


def freeze_after_commit(driver: TopologyDriver) -> None:
    """Freeze it when its transaction is committed, before it gets the answer."""
    driver.advance(1 + COMMIT_TIME // 2)
    driver.freeze("w1")
    driver.rebalance(["w2"])
    driver.settle()
    driver.thaw("w1")


def kill(driver: TopologyDriver) -> None:
    """Kill the worker; another one gets the partition, with an empty store."""
    driver.advance(1 + COMMIT_TIME // 4)
    driver.kill("w1")
    driver.rebalance(["w2"])


def kill_twice(driver: TopologyDriver) -> None:
    """Kill also the second worker, in its first publication; the first one comes back."""
    kill(driver)
    driver.advance(1_000 + COMMIT_TIME // 2)
    assert finals(driver)
    driver.kill("w2")
    driver.rebalance(["w1"])


ENDINGS: dict[str, Callable[[TopologyDriver], object]] = {
    "before the commit": lambda driver: driver.crash(at="before commit"),
    "after the commit": lambda driver: driver.crash(at="after commit"),
    "after the commit, store lost": lambda driver: driver.crash(at="after commit", lose_store=True),
    "no answer, not committed": lambda driver: driver.fail_checkpoint(TICKS, 0, "before commit"),
    "no answer, but committed": lambda driver: driver.fail_checkpoint(TICKS, 0, "after commit"),
    "graceful stop": lambda driver: driver.restart(),
    "partition moved": lambda driver: driver.rebalance(["w2"]),
    "killed": kill,
    "killed twice": kill_twice,
    "frozen during the commit": freeze_during_commit,
    "frozen after the commit": freeze_after_commit,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_final_result_is_published_once_however_a_worker_ends(
    driver: TopologyDriver, ending: str
) -> None:
    """The next worker publishes only results that were not published."""
    pipe_a_minute_that_ends(driver)
    ENDINGS[ending](driver)
    assert_final_once(driver)
    published = len(driver.topic(CANDLES))
    driver.restart()
    driver.crash(lose_store=True)
    driver.settle()
    assert len(driver.topic(CANDLES)) == published


def test_aborted_transaction_leaves_a_gap_in_offsets(driver: TopologyDriver) -> None:
    """Offsets of an output are not dense: a reader must not count by them."""
    pipe_a_minute_that_ends(driver)
    driver.advance(1 + COMMIT_TIME // 4)
    driver.crash()
    driver.settle()
    first, *_ = driver.records(CANDLES)
    assert first.offset > 0


def test_a_zombie_that_slept_through_a_rebalance_is_fenced(driver: TopologyDriver) -> None:
    """It writes nothing; the records it had folded are in the other worker's windows."""
    pipe_a_minute_that_ends(driver)
    driver.freeze("w1")
    driver.rebalance(["w2"])
    driver.settle()
    published = driver.records(CANDLES)
    driver.thaw("w1")
    driver.advance("1m")
    assert driver.records(CANDLES) == published
    driver.rebalance(["w1", "w2"])
    driver.settle()
    assert_final_once(driver)
