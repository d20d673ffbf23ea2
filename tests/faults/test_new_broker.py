"""The first start on a new broker, which has created none of its internal topics yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from workers import MARKET, Market

from eventfold.embedded import LocalBroker, broker, ready


@pytest.fixture
def new_market(tmp_path: Path) -> Iterator[Market]:
    """Run a broker that no client has asked for a coordinator: it has no `__consumer_offsets`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "ready", ready._until_listening)
        with LocalBroker(tmp_path / "broker") as running:
            yield Market(running.bootstrap, tmp_path)


def test_worker_gets_ready_on_a_broker_without_an_offsets_topic(new_market: Market) -> None:
    """The coordinator is unavailable until the topic is created: the worker waits for it."""
    admin = AdminClient({"bootstrap.servers": new_market.bootstrap})
    assert not admin.list_topics(timeout=10).topics
    with new_market.worker(**MARKET) as worker:
        assert worker.get("/readyz")[1]["ready"]
