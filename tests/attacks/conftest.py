"""Attacks on the web server use the workers of tests/unit/web, and records of tests/fuzz."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

_WEB = Path(__file__).parents[1] / "unit" / "web"
_FUZZ = Path(__file__).parents[1] / "fuzz"
sys.path += [str(_WEB), str(_WEB / "protection"), str(_FUZZ)]

from attacked import Attacked, attacked  # noqa: E402  # it imports from those paths
from guarded_workers import TOKENS, USERS  # noqa: E402
from worker_with_all_tables import worker_with_all_tables as run_with_all_tables  # noqa: E402


@pytest.fixture(scope="module", params=["protected", "unprotected"])
def worker(request: pytest.FixtureRequest) -> Iterator[Attacked]:
    """Return a worker to attack, one for the module, with tokens and without."""
    with attacked(**(TOKENS | USERS if request.param == "protected" else {})) as running:
        yield running


@pytest.fixture(scope="module", params=["protected", "unprotected"])
def worker_with_all_tables(request: pytest.FixtureRequest) -> Iterator[Attacked]:
    """Return a worker to attack that has the tables of every pipeline."""
    with run_with_all_tables(**(TOKENS | USERS if request.param == "protected" else {})) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """Return a client that keeps no cookies."""
    async with ClientSession() as session:
        yield session
