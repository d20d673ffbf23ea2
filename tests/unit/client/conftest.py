"""A worker of tests/unit/web in a thread of its own, as a notebook would ask it."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from event_server import EventServer

_WEB = Path(__file__).parents[1] / "web"
sys.path += [str(_WEB), str(_WEB / "protection")]

from guarded_workers import READ, guarded  # noqa: E402  # it imports from those paths
from web_workers import MINUTE, NOON, Worker, candle  # noqa: E402

#: Windows of each key, by partition: 7 of AAA, one of a key with a slash.
SHELF = {
    0: {"AAA": [candle("AAA", NOON + n * MINUTE) for n in range(7)]},
    1: {"A/B": [candle("A/B", NOON)]},
}


@contextmanager
def _serving(**environment: str) -> Iterator[Worker]:
    loop, found = asyncio.new_event_loop(), []
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with guarded(SHELF, **environment) as worker:
            found.append(worker)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """Return a worker with a table `candles`, which anybody may ask."""
    with _serving() as running:
        yield running


@pytest.fixture
def protected() -> Iterator[tuple[Worker, str]]:
    """Return a worker that asks for a token, and the token."""
    with _serving(TICKSTREAM_WEB_TOKEN=READ) as running:
        yield running, READ


@pytest.fixture
def serve_events() -> Iterator[Callable[..., EventServer]]:
    """Start a server of events that sends what it is told."""
    with ExitStack() as stack:
        yield lambda *answers: stack.enter_context(EventServer(answers))
