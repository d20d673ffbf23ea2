"""Answers of another worker that would fill the memory of this one."""

import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port
from guarded_workers import READ, TOKENS, bearer, guarded

from eventfold.answers import LIMIT

#: 400 MB of blanks, 400 kB of gzip.
_packer = zlib.compressobj(wbits=31)
BOMB = b"".join(_packer.compress(b" " * (1 << 20)) for _ in range(400)) + _packer.flush()


async def _bomb(_: web.Request) -> web.Response:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return web.Response(body=BOMB, headers=headers)


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(2 * LIMIT >> 20):
        await response.write(b" " * (1 << 20))
    return response


@asynccontextmanager
async def rogue(handler: object) -> AsyncIterator[str]:
    """Run a peer that answers by this handler; yield its address."""
    application, port = web.Application(), unused_port()
    application.router.add_get("/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("handler", [_bomb, _endless])
@pytest.mark.parametrize("settings", [TOKENS, {}])
async def test_peer_answer_is_read_up_to_a_size_limit_even_if_compressed(
    http: ClientSession, handler: object, settings: dict[str, str]
) -> None:
    """The reader gets 503 with the reason; other requests are answered."""
    headers = bearer(READ) if settings else {}
    async with guarded(**settings) as worker, rogue(handler) as other:
        worker.knows_owners({worker.url: {"ticks": [0]}, other: {"ticks": [1]}})
        tracemalloc.start()
        try:
            url = f"{worker.url}/api/candles/BBB?size=1m"
            async with http.get(url, headers=headers) as reply:
                assert reply.status == 503
                assert "32 MiB" in await reply.text()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * LIMIT
        async with http.get(f"{worker.url}/api/candles/AAA?size=1m", headers=headers) as reply:
            assert reply.status == 200
