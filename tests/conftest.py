"""One real broker for the whole session, and one with clean topics for a module that asks."""

from collections.abc import Iterator

import pytest
from workers import Market

from app.embedded import LocalBroker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Run Apache Kafka on a port of its own, with nothing in it at first."""
    with LocalBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="session")
def bootstrap(broker: LocalBroker) -> str:
    """Give the broker's `host:port`."""
    return broker.bootstrap


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Run a broker for this module alone: the topics of the contract, with nothing in them."""
    with LocalBroker(tmp_path_factory.mktemp("market-broker")) as running:
        yield Market(running.bootstrap, tmp_path_factory.mktemp("market"))
