"""Workers with tokens for the tests beside it."""

from collections.abc import AsyncIterator

import pytest
from guarded_workers import TOKENS, USERS, GuardedWorker, guarded


@pytest.fixture
async def protected() -> AsyncIterator[GuardedWorker]:
    """Yield a worker with a token for each role, and two people with passwords."""
    async with guarded(**TOKENS, **USERS) as worker:
        yield worker


@pytest.fixture
async def unprotected() -> AsyncIterator[GuardedWorker]:
    """Yield a worker without tokens and passwords."""
    async with guarded() as worker:
        yield worker
