"""The first start ever on a broker that has made none of its own topics yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from workers import MARKET, Market

from eventfold.embedded import LocalBroker, broker, ready


@pytest.fixture
def new_market(tmp_path: Path) -> Iterator[Market]:
    """Run a broker that was asked for no coordinator: it has no `__consumer_offsets`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "ready", ready._until_listening)
        with LocalBroker(tmp_path / "broker") as running:
            yield Market(running.bootstrap, tmp_path)


def test_a_worker_is_ready_on_a_broker_that_has_no_topic_of_offsets_yet(new_market: Market) -> None:
    """The coordinator is not available until it is made, which is no reason to end."""
    admin = AdminClient({"bootstrap.servers": new_market.bootstrap})
    assert not admin.list_topics(timeout=10).topics
    with new_market.worker(**MARKET) as worker:
        assert worker.get("/readyz")[1]["ready"]
