"""Workers as `web_workers` has them, with settings, behind their real listener.

async with guarded(TICKSTREAM_WEB_TOKEN=READ) as worker: ...
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp.test_utils import unused_port
from web_workers import MINUTE, NOON, Gainers, WebApp, Windows, Worker, candle, ranking

from app.settings import Settings
from eventfold.web.faust_views import Router
from eventfold.web.protection import http_client

READ, ADMIN = "read-0123456789abcdef", "admin-0123456789abcdef"
PASSWORD = "horse-battery"  # noqa: S105  # of a user below

TOKENS = {"TICKSTREAM_WEB_TOKEN": READ, "TICKSTREAM_WEB_ADMIN_TOKEN": ADMIN}
USERS = {"TICKSTREAM_WEB_USERS": f"ann:read:{PASSWORD}, bob:admin:{PASSWORD}s"}


class GuardedApp(WebApp):
    """The application, which knows its settings as a worker's does."""

    def __init__(self, settings: Settings, *args: Any, **options: Any) -> None:
        self.settings = settings
        super().__init__(*args, HttpClient=partial(http_client, settings), **options)


class GuardedWorker(Worker):
    """A worker with settings, by the names of their variables."""

    def __init__(self, settings: Settings) -> None:
        port = settings.web_port
        self.app = GuardedApp(
            settings,
            f"web-{port}",
            broker="kafka://127.0.0.1:1",
            web_port=port,
            web_bind="127.0.0.1",
            web_host="127.0.0.1",
            Router=Router,
        )
        self.url = f"http://127.0.0.1:{port}"
        self.port = port


@asynccontextmanager
async def guarded(
    shelf: Mapping[int, Any] | None = None, **environment: str
) -> AsyncIterator[GuardedWorker]:
    """Run a worker that has a symbol AAA, or what is on `shelf`, and owns what it has."""
    with TemporaryDirectory() as own:
        defaults = {"WEB_PORT": unused_port(), "APP_DATADIR": own}
        async with _running(Settings(**defaults | environment), shelf) as worker:
            yield worker


@asynccontextmanager
async def _running(
    settings: Settings, shelf: Mapping[int, Any] | None
) -> AsyncIterator[GuardedWorker]:
    worker = GuardedWorker(settings)
    if shelf is None:
        shelf = {0: {"AAA": [candle("AAA", NOON), candle("AAA", NOON + MINUTE)]}}
    Windows(worker.app, "candles", "1m,5m,5m/1m", shelf)
    Gainers(worker.app, {0: {"2026-01-31": [ranking("2026-01-31")]}})
    worker.knows_owners({worker.url: {"ticks": list(shelf), "daily-gains": [0]}})
    server: Any = worker.app.web
    server.init_server()
    await server.start_server()
    try:
        yield worker
    finally:
        await server.stop_server()
        await worker.app._maybe_close_http_client()


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}
