"""The transaction coordinator is frozen while records are fetched: folding waits, and is exact.

The proxy between worker and broker delays the coordinator's requests (tests/coordinator_proxy.py).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from coordinator_proxy import CoordinatorProxy
from exactness import assert_exact
from prometheus_client.parser import text_string_to_metric_families
from steady_load import RATE, SETTINGS, Load, position, wait_flow
from workers import Market, Worker, until

from eventfold.embedded import LocalBroker

#: Limit of uncommitted bytes: a few seconds of the load.
LIMIT = 60_000

WAITING = "are folded and not committed for want of a checkpoint"


@pytest.fixture
def proxy() -> Iterator[CoordinatorProxy]:
    """Run a proxy."""
    with CoordinatorProxy() as running:
        yield running


@pytest.fixture
def own_market(proxy: CoordinatorProxy, tmp_path: Path) -> Iterator[Market]:
    """Run a broker behind the proxy; readers and the load bypass it."""
    with LocalBroker(tmp_path / "broker", node=proxy.node()) as broker:
        yield Market(broker.bootstrap, tmp_path)


def worker(market: Market, proxy: CoordinatorProxy) -> Worker:
    """Make a worker that reaches the broker through the proxy."""
    settings = {**SETTINGS, "TICKSTREAM_UNCOMMITTED_BYTES": LIMIT, "BROKER_URL": proxy.address}
    return market.worker(**settings)


def uncommitted(worker: Worker) -> float:
    """Return the uncommitted bytes of a worker."""
    text = worker.ask("/metrics").body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "eventfold_uncommitted_bytes"
    )


@pytest.mark.timeout(400)
def test_folding_waits_for_a_frozen_coordinator_without_loss(
    own_market: Market, proxy: CoordinatorProxy
) -> None:
    """Uncommitted bytes stay bounded, the worker stays a member, and goes on by itself."""
    with worker(own_market, proxy) as running:
        process = running.process
        with Load(own_market.bootstrap) as load:
            wait_flow(own_market)
            load.wait_sent(2 * RATE)
            proxy.freeze()
            until(lambda: WAITING in running.log, 60)
            before = position(own_market)
            load.wait_sent(4 * RATE)
            uncommitted_at_first = uncommitted(running)
            # Twice the limit, plus what each of fourteen tasks publishes at once, plus batches that
            # were fetched before: more of them where the machine is busy.
            assert LIMIT < uncommitted_at_first < 15 * LIMIT
            load.wait_sent(8 * RATE)
            assert uncommitted(running) < 1.1 * uncommitted_at_first
            assert position(own_market) == before
            proxy.thaw()
            wait_flow(own_market, after="the coordinator's return")
            load.wait_sent(2 * RATE)
        assert_exact(own_market, load.sent)
        assert running.process is process


@pytest.mark.timeout(400)
def test_worker_stops_in_time_while_folding_waits(
    own_market: Market, proxy: CoordinatorProxy
) -> None:
    """Without its last checkpoint: the next start folds the uncommitted records again."""
    with worker(own_market, proxy) as running, Load(own_market.bootstrap) as load:
        wait_flow(own_market)
        proxy.freeze()
        until(lambda: WAITING in running.log, 60)
        assert running.stop(timeout=10) == 0
        proxy.thaw()
        running.start()
        wait_flow(own_market, after="the coordinator's return")
    assert load.sent
