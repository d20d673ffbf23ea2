"""Workers paused in mid-checkpoint: a transaction that is not committed in time is aborted."""

import pytest
import truth
from exactness import assert_exact
from offset_watch import OffsetWatch
from paused_worker import pausable_worker, pause_in_checkpoint, uncommitted_offsets
from shares import PARTITIONS, open_partitions, wait_shared, wait_taken_over
from steady_load import RATE, SETTINGS, Load, wait_flow
from workers import Market, until


def committed_offsets(market: Market, topic: str) -> set[tuple[int, int]]:
    """Return (partition, offset) of the records that a `read_committed` reader sees."""
    return {(each.partition(), each.offset()) for each in truth.read(market.bootstrap, topic)}


@pytest.mark.timeout(300)
def test_transaction_timeout_restarts_the_task_cleanly(own_market: Market) -> None:
    """The broker aborts it while the session goes on: the same worker opens the task again."""
    changelog = f"{own_market.application}-candles-changelog"
    worker = pausable_worker(
        own_market, **SETTINGS, BROKER_SESSION_TIMEOUT=30, TICKSTREAM_TRANSACTION_TIMEOUT="5s"
    )
    with worker:
        with Load(own_market.bootstrap) as load:
            wait_flow(own_market)
            load.wait_sent(2 * RATE)
            pause_in_checkpoint(worker)
            aborted = uncommitted_offsets(own_market, changelog, PARTITIONS)
            assert aborted
            until(lambda: not uncommitted_offsets(own_market, changelog, PARTITIONS), 60)
            worker.resume()
            until(lambda: "fenced" in worker.log and "is opened again" in worker.log, 60)
            wait_flow(own_market, after="the time-out")
            load.wait_sent(RATE)
        assert_exact(own_market, load.sent)
    assert not aborted & committed_offsets(own_market, changelog)


@pytest.mark.timeout(300)
def test_zombie_worker_commits_nothing_and_rejoins_the_group(own_market: Market) -> None:
    """Paused for longer than its session, it resumes in the middle of a commit that is rejected."""
    changelog = f"{own_market.application}-candles-changelog"
    zombie = pausable_worker(own_market, **SETTINGS)
    with own_market.worker(**SETTINGS) as other, zombie:
        wait_shared(other, zombie)
        with Load(own_market.bootstrap) as load, OffsetWatch(own_market, len(PARTITIONS)):
            wait_flow(own_market)
            load.wait_sent(2 * RATE)
            mine = open_partitions(zombie)
            pause_in_checkpoint(zombie)
            aborted = uncommitted_offsets(own_market, changelog, mine)
            assert aborted
            wait_taken_over(other)
            wait_flow(own_market)
            zombie.resume()
            until(lambda: "fenced" in zombie.log, 60)
            wait_shared(zombie, other)
            wait_flow(own_market, after="the return of the zombie")
            load.wait_sent(2 * RATE)
        assert_exact(own_market, load.sent)
    assert not aborted & committed_offsets(own_market, changelog)
