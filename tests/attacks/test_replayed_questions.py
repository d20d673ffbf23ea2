"""A member of the consumer group that is none of ours: it is asked, and may try what it is sent."""

import time
from typing import Any, Self

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port
from guarded_workers import READ, TOKENS, GuardedWorker, bearer, guarded
from web_workers import NOON, candle
from yarl import URL

from app.top import Watcher
from eventfold.security.keys import keys_of
from eventfold.web.peers import FORWARDED
from eventfold.web.protection.peers import SIGNATURE, Question, digest_of, signature

CANDLES = "/api/candles/AAA?size=1m"
#: A symbol that no worker here has, so that all are asked.
ELSEWHERE = "/api/candles/BBB?size=1m"
OTHERS = {1: {"CCC": [candle("CCC", NOON)]}}


class Rogue:
    """Keeps what it is asked, and answers that it has nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
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
        self.asked.append((request.path_qs, dict(request.headers)))
        return web.Response(status=404, headers={"Tickstream-Partitions": "1"})


async def answer_of(http: ClientSession, worker: GuardedWorker, headers: dict[str, str]) -> int:
    """Return the status of what a reader with these headers is answered."""
    async with http.get(worker.url + CANDLES, headers=headers) as reply:
        return reply.status


@pytest.mark.parametrize("question", ["as it was", "with the rogue's Host"])
async def test_a_question_that_a_rogue_member_was_asked_is_worth_nothing_elsewhere(
    http: ClientSession, question: str
) -> None:
    """It asks another worker the same, under its own address."""
    async with guarded(**TOKENS) as worker, guarded(OTHERS, **TOKENS) as other, Rogue() as rogue:
        worker.knows_owners({worker.url: {"ticks": [0]}, rogue.url: {"ticks": [1]}})
        async with http.get(worker.url + ELSEWHERE, headers=bearer(READ)) as reply:
            assert reply.status == 404
        ((path, headers),) = rogue.asked
        assert SIGNATURE in headers
        shown = {name: headers[name] for name in (FORWARDED, SIGNATURE)}
        if question == "with the rogue's Host":
            shown["Host"] = f"127.0.0.1:{rogue.port}"
        for victim in worker, other:
            async with http.get(victim.url + path, headers=shown) as reply:
                assert reply.status == 403
            assert await answer_of(http, victim, bearer(READ)) in {200, 404, 503}


async def test_a_question_is_answered_once(http: ClientSession) -> None:
    """Who has listened on the network and repeats it is rejected; the next question is answered."""
    async with guarded(**TOKENS) as worker:
        for _ in range(2):
            headers = signed(worker)
            assert [await answer_of(http, worker, headers) for _ in range(3)] == [200, 403, 403]
        assert await answer_of(http, worker, bearer(READ)) == 200


@pytest.mark.parametrize("settings", [TOKENS, {"TICKSTREAM_WEB_TOKEN": READ}])
async def test_top_shows_its_token_to_the_worker_that_it_was_told_and_to_no_other(
    settings: dict[str, str],
) -> None:
    """The first worker names the rogue among its neighbours, as the group does."""
    async with guarded(**settings) as worker, Rogue() as rogue:
        worker.knows_owners({worker.url: {"ticks": [0]}, rogue.url: {"ticks": [1]}})
        async with Watcher(URL(worker.url), worker.app.settings) as watcher:
            if settings is TOKENS:  # readers are told of no neighbours
                assert rogue.url in await watcher._owners()
            assert await watcher._metrics_or_none(rogue.url) is None
        ((path, headers),) = rogue.asked
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
async def test_a_question_is_good_as_it_was_signed_alone(
    http: ClientSession, change: dict[str, str]
) -> None:
    """By another method, at another worker, for another path, with another body it is rejected."""
    async with guarded(**TOKENS) as worker:
        assert await answer_of(http, worker, signed(worker)) == 200
        assert await answer_of(http, worker, signed(worker, **change)) == 403
        assert await answer_of(http, worker, bearer(READ)) == 200


async def test_the_body_is_a_part_of_what_is_signed(http: ClientSession) -> None:
    """One that was put in its place is rejected before a handler sees it."""
    path = "/registry/subjects/ticks-value/versions"
    async with guarded(**TOKENS) as worker:
        for sent, refused in (b"{}", False), (b'{"schema": "1"}', True):
            headers = signed(worker, method="POST", target=path, digest=digest_of(b"{}"))
            async with http.post(worker.url + path, data=sent, headers=headers) as reply:
                assert (reply.status == 403) is refused


async def test_what_was_signed_before_a_restart_is_refused_after_it(http: ClientSession) -> None:
    """What a worker has answered is forgotten with it, so it takes nothing older than itself."""
    before = int(time.time() * 1000) - 1
    async with guarded(**TOKENS) as worker:
        assert await answer_of(http, worker, signed(worker, time_ms=before)) == 403
        assert await answer_of(http, worker, signed(worker)) == 200


def signed(asked: GuardedWorker, *, time_ms: int | None = None, **change: str) -> dict[str, str]:
    """Return the headers of a question that a worker of the same settings signs for this one."""
    conf = asked.app.settings
    question: dict[str, Any] = {
        "method": "GET",
        "worker": f"127.0.0.1:{asked.port}",
        "target": CANDLES,
        "digest": digest_of(b""),
    }
    now = int(time.time() * 1000) if time_ms is None else time_ms
    header = signature(keys_of(conf).cluster, Question(**question | change), now)
    return {FORWARDED: "1", SIGNATURE: header}
