"""One real broker for the whole session."""

from collections.abc import Iterator

import pytest

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
