"""Three brokers, three replicas: the leader of all partitions dies under load, and comes back."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from all_topics import ALL
from confluent_kafka.admin import AdminClient, NewTopic
from exactness import assert_exact
from local_cluster import LocalCluster
from steady_load import RATE, SETTINGS, Load, wait_flow
from workers import Market, until

from eventfold.topics import BoundTopic, Changelog

LEADER = 1


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    """Run three brokers."""
    with LocalCluster(tmp_path / "cluster") as running:
        yield running


def leaders(admin: AdminClient) -> Counter[int]:
    """Count the partitions that each broker leads, without Kafka's own topics."""
    topics = admin.list_topics(timeout=10).topics
    partitions = [
        p for name, topic in topics.items() for p in topic.partitions.values() if name[:2] != "__"
    ]
    return Counter(partition.leader for partition in partitions)


def make_topics(admin: AdminClient, application: str) -> None:
    """Make the declared topics and the changelogs so that LEADER leads all of them."""
    ticks = next(topic for topic in ALL if topic.name == "ticks")
    daily = next(topic for topic in ALL if topic.name == "daily-gains")
    sources = {"candles": ticks, "days": ticks, "gainers": daily}
    changelogs = [Changelog(f"{application}-{name}-changelog", of) for name, of in sources.items()]
    topics: list[BoundTopic | Changelog] = [*ALL, *changelogs]
    for topic in topics:
        source = topic.source if isinstance(topic, Changelog) else topic
        count = source.partitions or SETTINGS["TOPIC_PARTITIONS"]
        assignment = [[LEADER, 2, 3]] * count
        new = NewTopic(topic.name, count, replica_assignment=assignment, config=topic.config())
        for made in admin.create_topics([new]).values():
            made.result(30)


@pytest.mark.timeout(400)
def test_results_are_exact_when_the_leader_of_all_partitions_dies(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    """SIGKILL of the broker that leads every partition; two go on, then it comes back."""
    market = Market(cluster.bootstrap, tmp_path)
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 2})
    make_topics(admin, market.application)
    with market.worker(**SETTINGS, TOPIC_REPLICATION_FACTOR=3) as worker:
        process = worker.process
        with Load(cluster.bootstrap) as load:
            wait_flow(market)
            load.wait_sent(2 * RATE)
            assert leaders(admin)[LEADER] >= 10
            cluster.brokers[LEADER].kill()
            wait_flow(market, after="the loss of the leader")
            until(lambda: leaders(admin)[LEADER] == 0)
            load.wait_sent(4 * RATE)
            cluster.brokers[LEADER].start()
            wait_flow(market, after="its return")
            load.wait_sent(2 * RATE)
        assert_exact(market, load.sent)
        assert worker.process is process
