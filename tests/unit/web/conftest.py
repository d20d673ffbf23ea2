"""Workers for the tests beside it, ended with the test."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port
from web_workers import MINUTE, NOON, Gainers, StartWorker, Windows, Worker, candle, ranking


@pytest.fixture
async def start_worker() -> AsyncIterator[StartWorker]:
    """Yield a function that starts another worker."""
    started: list[tuple[Worker, web.AppRunner]] = []

    async def start() -> Worker:
        worker = Worker(unused_port())
        runner = web.AppRunner(await worker.app.web.wsgi())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", worker.app.conf.web_port).start()
        started.append((worker, runner))
        return worker

    yield start
    for worker, runner in started:
        await runner.cleanup()
        await worker.app._maybe_close_http_client()


@pytest.fixture
async def worker(start_worker: StartWorker) -> Worker:
    """Return one worker that owns everything, with a symbol AAA and another with a slash."""
    worker = await start_worker()
    minutes = [candle("AAA", NOON + n * MINUTE, late=n % 2) for n in (0, 1, 2, 500, 501)]
    shelf = {0: {"AAA": minutes}, 1: {"A/B": [candle("A/B", NOON)]}}
    Windows(worker.app, "candles", "1m,5m,5m/1m", shelf)
    Gainers(worker.app, {0: {"2026-01-31": [ranking("2026-01-31")]}})
    worker.knows_owners({worker.url: {"ticks": [0, 1], "daily-gains": [0]}})
    return worker


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """Yield a client."""
    async with ClientSession() as session:
        yield session
