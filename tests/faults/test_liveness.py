"""No worker idles unnoticed: it stays a member of its group, or it ends and logs why."""

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from coordinator_proxy import FETCH, INIT_PRODUCER_ID, MEMBERSHIP, CoordinatorProxy
from counting_stream import Stream
from workers import Market, Worker, refusal, until

from eventfold.embedded import LocalBroker

logger = logging.getLogger(__name__)

#: Seconds: Faust's default interval is 1,000 s; the session is the shortest the broker allows.
POLL_INTERVAL = 5
SESSION = 6.0


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream with topics of its own, of one partition."""
    return Stream(market, partitions=1)


def owns(worker: Worker, stream: Stream) -> bool:
    """Return whether a worker has the stream's partition open."""
    status, answer = worker.get("/readyz")
    return status == 200 and answer["tables"][stream.name]["open"] == [0]


def test_standby_idle_for_three_poll_intervals_takes_over(stream: Stream) -> None:
    """It fetches nothing, which is no reason to leave the group."""
    settings = {"BROKER_MAX_POLL_INTERVAL": POLL_INTERVAL, "BROKER_SESSION_TIMEOUT": SESSION}
    with stream.worker(**settings) as owner, stream.worker(**settings) as idle:
        stream.send(100)
        stream.wait_exact()
        idle_until = time.monotonic() + 3 * POLL_INTERVAL
        until(lambda: time.monotonic() > idle_until)
        assert idle.get("/healthz") == (200, {"alive": True})
        assert owns(owner, stream)
        owner.kill()
        started = time.monotonic()
        until(lambda: owns(idle, stream), SESSION + 2)
        logger.info("Taken over in %.1f s", time.monotonic() - started)
        stream.send(100, minute=1)
        stream.wait_exact()
        assert "LeaveGroup" not in idle.log


@pytest.fixture
def plain_consumer(stream: Stream) -> Iterator[str]:
    """Run a consumer without Faust in a group; return the group's name."""
    with stream.worker() as worker:
        worker.stop()  # its topics exist now
    group = stream.market.application
    consumer = Consumer(
        {"bootstrap.servers": stream.market.bootstrap, "group.id": group, "log_level": 2}
    )
    consumer.subscribe([stream.source])
    until(lambda: consumer.poll(0.1) is None and consumer.assignment())
    yield group
    consumer.close()


def test_group_with_other_consumers_is_reported_with_a_remedy(
    stream: Stream, plain_consumer: str
) -> None:
    """A worker that can't join logs why and ends, instead of staying alive without work."""
    assert refusal(stream.worker()) == (
        f"group {plain_consumer}: another kind of consumer is in it: stop that one, or set "
        "another TICKSTREAM_APP_ID"
    )


def test_session_timeout_outside_the_brokers_limits_is_reported(stream: Stream) -> None:
    """Kafka's minimum is 6 s by default."""
    assert refusal(stream.worker(BROKER_SESSION_TIMEOUT=3)) == (
        f"group {stream.market.application}: the broker does not allow BROKER_SESSION_TIMEOUT=3: "
        "set it between its group.min.session.timeout.ms and group.max.session.timeout.ms"
    )


def test_static_member_may_return_with_another_address(stream: Stream) -> None:
    """As a pod with a new IP does, within its session; the others find it there."""
    with stream.worker(CONSUMER_GROUP_INSTANCE_ID="w2") as other:
        first = stream.worker(CONSUMER_GROUP_INSTANCE_ID="w1")
        with first:
            stream.send(100)
            stream.wait_exact()
            first.kill()
            first.environment["WEB_HOST"] = "localhost"
            first.start()
            moved = f"http://localhost:{first.port}"
            for worker in (first, other):
                until(lambda: moved in addresses(worker), 60)  # noqa: B023  # called at once
            assert first.url not in addresses(other)
            stream.send(100, minute=1)
            stream.wait_exact()


def addresses(worker: Worker) -> set[str]:
    """Return the addresses of the workers that a worker knows and that answer."""
    return {each["worker"] for each in worker.get("/api/workers")[1] if each["answers"]}


def test_worker_with_an_instance_id_in_use_does_not_start(
    stream: Stream,
) -> None:
    """It would take over the membership of the first, which goes on undisturbed."""
    settings = {"CONSUMER_GROUP_INSTANCE_ID": "w1"}
    with stream.worker(**settings) as first:
        assert refusal(stream.worker(**settings)) == (
            f"CONSUMER_GROUP_INSTANCE_ID=w1 is in use by the worker at {first.url}: give each "
            "worker its own"
        )
        stream.send(100)
        stream.wait_exact()
        assert "rebalancing" not in first.log


def test_worker_ends_when_an_unreachable_one_takes_its_instance_id(
    stream: Stream,
) -> None:
    """They would evict each other for ever: the one that is evicted first ends."""
    settings = {"CONSUMER_GROUP_INSTANCE_ID": "w1", "BROKER_SESSION_TIMEOUT": SESSION}
    first = stream.worker(**settings, WEB_HOST="one.invalid")
    second = stream.worker(**settings, WEB_HOST="two.invalid")
    with first, second:
        until(lambda: not first.running, 60)
        assert first.exit_code == 1
        assert first.tail(1) == (
            f"group {stream.market.application}: another worker has joined with "
            "CONSUMER_GROUP_INSTANCE_ID=w1: give each worker its own"
        )
        assert "never retrieved" not in first.log
        stream.send(100)
        stream.wait_exact()


@pytest.fixture
def proxy() -> Iterator[CoordinatorProxy]:
    """Run a proxy that can freeze a group's coordinator for the members behind it."""
    with CoordinatorProxy() as running:
        yield running


@pytest.fixture
def proxied(proxy: CoordinatorProxy, tmp_path: Path) -> Iterator[Stream]:
    """Run a broker behind the proxy, and return a stream on it."""
    with LocalBroker(tmp_path / "broker", node=proxy.node()) as broker:
        yield Stream(Market(broker.bootstrap, tmp_path), partitions=1)


def test_worker_outside_its_group_is_unhealthy_until_it_rejoins(
    proxied: Stream, proxy: CoordinatorProxy
) -> None:
    """Its heartbeats get no answer, though the broker answers all other requests."""
    settings = {"BROKER_URL": proxy.address, "BROKER_SESSION_TIMEOUT": SESSION}
    reason = (
        f"the worker is no member of group {proxied.market.application} although its coordinator "
        "answers"
    )
    with proxied.worker(**settings) as worker:
        assert worker.get("/healthz") == (200, {"alive": True})
        proxy.freeze(MEMBERSHIP)
        until(lambda: worker.get("/healthz")[0] == 503, 60)
        assert worker.get("/healthz")[1] == {"alive": False, "troubles": [reason]}
        until(lambda: f"No progress: {reason}" in worker.log)
        proxy.thaw()
        until(lambda: worker.get("/healthz")[0] == 200, 60)
        proxied.send(100)
        proxied.wait_exact()


def test_worker_is_unhealthy_until_its_task_opens(proxied: Stream, proxy: CoordinatorProxy) -> None:
    """It is a member and owns its partition, but it gets no transactional producer."""
    worker = proxied.worker(BROKER_URL=proxy.address, TICKSTREAM_TRANSACTION_TIMEOUT="2s")
    worker.environment["TICKSTREAM_MODULES"] += ",short_opening_limit"
    reason = f"task {proxied.source}-0 does not run and gets no further: it is opening"
    proxy.freeze(MEMBERSHIP)
    with worker.start(wait=False):
        until(lambda: worker.get("/healthz")[0] == 200, 60)
        proxy.freeze(INIT_PRODUCER_ID)
        until(lambda: worker.get("/healthz")[0] == 503, 60)
        assert worker.get("/healthz")[1] == {"alive": False, "troubles": [reason]}
        proxy.thaw()
        until(lambda: worker.get("/healthz")[0] == 200, 60)
        proxied.send(100)
        proxied.wait_exact()


def test_restore_of_three_poll_intervals_keeps_the_membership(
    proxied: Stream, proxy: CoordinatorProxy
) -> None:
    """Nothing is fetched from the source meanwhile."""
    worker = proxied.worker(BROKER_URL=proxy.address, BROKER_MAX_POLL_INTERVAL=POLL_INTERVAL)
    with worker:
        proxied.send(1_000)
        proxied.wait_exact()
    shutil.rmtree(worker.data)
    proxy.freeze(MEMBERSHIP)
    with worker.start(wait=False):
        until(lambda: worker.get("/healthz")[0] == 200, 60)
        proxy.freeze(FETCH)
        member = until(lambda: member_id(worker), 60)
        restoring_until = time.monotonic() + 3 * POLL_INTERVAL
        until(lambda: time.monotonic() > restoring_until)
        assert not worker.ready
        assert worker.get("/healthz") == (200, {"alive": True})
        assert member_id(worker) == member
        proxy.thaw()
        proxied.send(100, minute=1)
        proxied.wait_exact()
        assert member_id(worker) == member


def member_id(worker: Worker) -> str:
    """Return a worker's member id in its group; empty while it is no member."""
    status, found = worker.get("/api/workers")
    return str(found[0]["member"]) if status == 200 else ""
