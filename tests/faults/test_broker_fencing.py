"""Workers blocked in mid-checkpoint: what they have not committed in time never will be."""

import pytest
import truth
from exactness import assert_exact
from held_worker import hold, holdable, open_offsets
from offset_watch import OffsetWatch
from shares import PARTITIONS, owned, wait_shared, wait_taken_over
from steady_load import RATE, SETTINGS, Load, wait_flow
from workers import Market, until


def committed_offsets(market: Market, topic: str) -> set[tuple[int, int]]:
    """Return (partition, offset) of the records that a `read_committed` reader sees."""
    return {(each.partition(), each.offset()) for each in truth.read(market.bootstrap, topic)}


@pytest.mark.timeout(300)
def test_a_transaction_that_times_out_is_a_clean_restart_of_the_task(own_market: Market) -> None:
    """The broker aborts it while the session goes on: the same worker opens the task again."""
    changelog = f"{own_market.application}-candles-changelog"
    worker = holdable(
        own_market, **SETTINGS, BROKER_SESSION_TIMEOUT=30, TICKSTREAM_TRANSACTION_TIMEOUT="5s"
    )
    with worker:
        with Load(own_market.bootstrap) as load:
            wait_flow(own_market)
            load.wait_sent(2 * RATE)
            hold(worker)
            never = open_offsets(own_market, changelog, PARTITIONS)
            assert never
            until(lambda: not open_offsets(own_market, changelog, PARTITIONS), 60)
            worker.resume()
            until(lambda: "fenced" in worker.log and "is opened again" in worker.log, 60)
            wait_flow(own_market, after="the time-out")
            load.wait_sent(RATE)
        assert_exact(own_market, load.sent)
    assert not never & committed_offsets(own_market, changelog)


@pytest.mark.timeout(300)
def test_a_zombie_commits_nothing_and_works_on_when_it_is_awake(own_market: Market) -> None:
    """Blocked for longer than its session, it wakes in the middle of a commit that is rejected."""
    changelog = f"{own_market.application}-candles-changelog"
    zombie = holdable(own_market, **SETTINGS)
    with own_market.worker(**SETTINGS) as other, zombie:
        wait_shared(other, zombie)
        with Load(own_market.bootstrap) as load, OffsetWatch(own_market, len(PARTITIONS)):
            wait_flow(own_market)
            load.wait_sent(2 * RATE)
            mine = owned(zombie)
            hold(zombie)
            never = open_offsets(own_market, changelog, mine)
            assert never
            wait_taken_over(other)
            wait_flow(own_market)
            zombie.resume()
            until(lambda: "fenced" in zombie.log, 60)
            wait_shared(zombie, other)
            wait_flow(own_market, after="the return of the zombie")
            load.wait_sent(2 * RATE)
        assert_exact(own_market, load.sent)
    assert not never & committed_offsets(own_market, changelog)
