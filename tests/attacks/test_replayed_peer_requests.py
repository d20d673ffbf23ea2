"""A rogue member of the consumer group gets signed requests of workers, and replays them."""

import time
from typing import Any, Self

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port
from guarded_workers import READ, TOKENS, GuardedWorker, bearer, guarded
from web_workers import NOON, candle
from yarl import URL

from app.top.scrape import Scraper
from eventfold.security.keys import keys_of
from eventfold.web.protection.signatures import SIGNATURE, PeerRequest, digest_of, signature
from eventfold.web.query.peers import FORWARDED

CANDLES = "/api/candles/AAA?size=1m"
#: A symbol that neither worker has, so that all peers are asked.
REMOTE_CANDLES = "/api/candles/BBB?size=1m"
OTHERS = {1: {"CCC": [candle("CCC", NOON)]}}


class Rogue:
    """Records the requests it gets, and answers that it has no data."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.path_qs, dict(request.headers)))
        return web.Response(status=404, headers={"Tickstream-Partitions": "1"})


async def status_of(http: ClientSession, worker: GuardedWorker, headers: dict[str, str]) -> int:
    """Return the status of the answer to a request with these headers."""
    async with http.get(worker.url + CANDLES, headers=headers) as reply:
        return reply.status


@pytest.mark.parametrize("replay", ["unchanged", "with the rogue's Host"])
async def test_signed_request_is_rejected_by_workers_it_is_not_addressed_to(
    http: ClientSession, replay: str
) -> None:
    """A rogue member sends the request that it got to other workers, from its own address."""
    async with guarded(**TOKENS) as worker, guarded(OTHERS, **TOKENS) as other, Rogue() as rogue:
        worker.knows_owners({worker.url: {"ticks": [0]}, rogue.url: {"ticks": [1]}})
        async with http.get(worker.url + REMOTE_CANDLES, headers=bearer(READ)) as reply:
            assert reply.status == 404
        ((path, headers),) = rogue.requests
        assert SIGNATURE in headers
        shown = {name: headers[name] for name in (FORWARDED, SIGNATURE)}
        if replay == "with the rogue's Host":
            shown["Host"] = f"127.0.0.1:{rogue.port}"
        for victim in worker, other:
            async with http.get(victim.url + path, headers=shown) as reply:
                assert reply.status == 403
            assert await status_of(http, victim, bearer(READ)) in {200, 404, 503}


async def test_signed_request_is_answered_only_once(http: ClientSession) -> None:
    """A replay by an eavesdropper is rejected; the next signed request is answered."""
    async with guarded(**TOKENS) as worker:
        for _ in range(2):
            headers = signed(worker)
            assert [await status_of(http, worker, headers) for _ in range(3)] == [200, 403, 403]
        assert await status_of(http, worker, bearer(READ)) == 200


@pytest.mark.parametrize("settings", [TOKENS, {"TICKSTREAM_WEB_TOKEN": READ}])
async def test_top_sends_its_token_only_to_the_worker_the_user_named(
    settings: dict[str, str],
) -> None:
    """That worker lists the rogue among its peers, as the consumer group does."""
    async with guarded(**settings) as worker, Rogue() as rogue:
        worker.knows_owners({worker.url: {"ticks": [0]}, rogue.url: {"ticks": [1]}})
        async with Scraper(URL(worker.url), worker.app.settings) as scraper:
            if settings is TOKENS:  # readers may not list peers
                assert rogue.url in await scraper._owners()
            assert await scraper._metrics_or_none(rogue.url) is None
        ((path, headers),) = rogue.requests
        assert path == "/metrics"
        assert "Authorization" not in headers
        assert (SIGNATURE in headers) is (settings is TOKENS)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "HEAD"},
        {"worker": "127.0.0.1:1"},
        {"target": "/api/candles/AAA?size=5m"},
        {"digest": digest_of(b"another body")},
    ],
)
async def test_changed_signed_request_is_rejected(
    http: ClientSession, change: dict[str, str]
) -> None:
    """Another method, worker, path or body does not match the signature."""
    async with guarded(**TOKENS) as worker:
        assert await status_of(http, worker, signed(worker)) == 200
        assert await status_of(http, worker, signed(worker, **change)) == 403
        assert await status_of(http, worker, bearer(READ)) == 200


async def test_signature_covers_the_request_body(http: ClientSession) -> None:
    """A replaced body is rejected before a handler sees it."""
    path = "/registry/subjects/ticks-value/versions"
    async with guarded(**TOKENS) as worker:
        for sent, rejected in (b"{}", False), (b'{"schema": "1"}', True):
            headers = signed(worker, method="POST", target=path, digest=digest_of(b"{}"))
            async with http.post(worker.url + path, data=sent, headers=headers) as reply:
                assert (reply.status == 403) is rejected


async def test_request_signed_before_a_restart_is_rejected_after_it(http: ClientSession) -> None:
    """A restarted worker has forgotten what it answered, so it accepts no older request."""
    before = int(time.time() * 1000) - 1
    async with guarded(**TOKENS) as worker:
        assert await status_of(http, worker, signed(worker, time_ms=before)) == 403
        assert await status_of(http, worker, signed(worker)) == 200


def signed(receiver: GuardedWorker, *, time_ms: int | None = None, **change: str) -> dict[str, str]:
    """Return the headers of a request that a worker of the same settings signs for this one."""
    conf = receiver.app.settings
    fields: dict[str, Any] = {
        "method": "GET",
        "worker": f"127.0.0.1:{receiver.port}",
        "target": CANDLES,
        "digest": digest_of(b""),
    }
    now = int(time.time() * 1000) if time_ms is None else time_ms
    header = signature(keys_of(conf).cluster, PeerRequest(**fields | change), now)
    return {FORWARDED: "1", SIGNATURE: header}
