"""Fixtures: a broker for one test, which the test may stop, and an application on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from workers import Market

from eventfold.embedded import LocalBroker


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[LocalBroker]:
    """Run a broker for this test alone."""
    with LocalBroker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def own_market(own_broker: LocalBroker, tmp_path: Path) -> Market:
    """Return an application on the broker of this test."""
    return Market(own_broker.bootstrap, tmp_path)
