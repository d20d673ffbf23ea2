"""Sink that posts to a webhook, against a real server."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sink_records import Rejected, batch, record

from eventfold.connectors.webhook import WebhookSink


class Endpoint:
    """An endpoint that answers as it is told, 200 if it is not."""

    def __init__(self) -> None:
        #: Answers to come, by idempotency key.
        self.answers: dict[str, list[Callable[[], web.Response]]] = defaultdict(list)
        #: Idempotency key, body and headers of each request.
        self.requests: list[tuple[str, bytes, dict[str, str]]] = []
        self.accepted: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        key = request.headers["Idempotency-Key"]
        self.requests.append((key, await request.read(), dict(request.headers)))
        if self.answers[key]:
            return self.answers[key].pop(0)()
        self.accepted.append(key)
        return web.Response()


@pytest.fixture
def endpoint() -> Endpoint:
    """Return an endpoint that accepts everything."""
    return Endpoint()


@pytest.fixture
async def sink(endpoint: Endpoint) -> AsyncIterator[WebhookSink]:
    """Return a sink that posts to the endpoint."""
    application = web.Application()
    application.router.add_post("/hook", endpoint.answer)
    async with TestServer(application) as server:
        sink = WebhookSink(str(server.make_url("/hook")), {"Authorization": "Bearer x"})
        await sink.open()
        yield sink
        await sink.close()


def fails(status: int, **headers: str) -> Callable[[], web.Response]:
    """Return what makes an answer of this status."""
    return lambda: web.Response(status=status, headers=headers)


def redirects() -> web.Response:
    """Return a redirect, which a client would follow with a GET."""
    return web.Response(status=302, headers={"Location": "/elsewhere"})


async def write(sink: WebhookSink, number: int) -> Rejected:
    """Write records of two keys by turns; return what was rejected."""
    records = [record({"n": n}, n, key="AB"[n % 2]) for n in range(number)]
    rejected = Rejected()
    await sink.write([batch(records)], rejected)
    return rejected


async def test_each_record_is_posted_with_its_place_as_idempotency_key(
    sink: WebhookSink, endpoint: Endpoint
) -> None:
    """The body is its value; headers of the user are sent too."""
    assert await write(sink, 3) == []
    assert sorted((key, body) for key, body, _ in endpoint.requests) == [
        ("visits-0-0", b'{"n": 0}'),
        ("visits-0-1", b'{"n": 1}'),
        ("visits-0-2", b'{"n": 2}'),
    ]
    for _, _, headers in endpoint.requests:
        assert headers["Authorization"] == "Bearer x"
        assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("answer", [fails(500), fails(429), fails(401), fails(408), redirects])
async def test_answer_that_does_not_judge_the_record_is_asked_again(
    sink: WebhookSink, endpoint: Endpoint, answer: Callable[[], web.Response]
) -> None:
    """Until the record is accepted; records of its key wait, so they stay in order."""
    endpoint.answers["visits-0-0"] = [answer, answer]
    assert await write(sink, 6) == []
    assert [key for key in endpoint.accepted if int(key[-1]) % 2 == 0] == [
        f"visits-0-{n}" for n in (0, 2, 4)
    ]
    assert [key for key, _, _ in endpoint.requests].count("visits-0-0") == 3


async def test_retry_after_is_honoured(sink: WebhookSink, endpoint: Endpoint) -> None:
    """The next attempt comes no earlier."""
    endpoint.answers["visits-0-0"] = [fails(503, **{"Retry-After": "1"})]
    begun = asyncio.get_running_loop().time()
    assert await write(sink, 1) == []
    assert asyncio.get_running_loop().time() - begun >= 1


async def test_rejected_record_is_reported_with_the_status_and_the_next_follow(
    sink: WebhookSink, endpoint: Endpoint
) -> None:
    """It is posted once."""
    endpoint.answers["visits-0-2"] = [fails(422)]
    rejected = await write(sink, 6)
    assert [offset for offset, _ in rejected] == [2]
    assert "answered 422" in rejected[0][1]
    assert sorted(endpoint.accepted) == [f"visits-0-{n}" for n in (0, 1, 3, 4, 5)]
    assert len(endpoint.requests) == 6


async def test_endpoint_that_is_not_there_yet_gets_the_records_later() -> None:
    """A refused connection is asked again."""
    endpoint, application = Endpoint(), web.Application()
    application.router.add_post("/hook", endpoint.answer)
    server = TestServer(application)
    await server.start_server()
    port, url = server.port, str(server.make_url("/hook"))
    await server.close()
    sink = WebhookSink(url, {})
    await sink.open()
    writing = asyncio.create_task(write(sink, 4))
    await asyncio.sleep(0)
    another = web.Application()
    another.router.add_post("/hook", endpoint.answer)
    later = TestServer(another, port=port)
    await later.start_server()
    assert await writing == []
    await sink.close()
    await later.close()
    assert sorted(endpoint.accepted) == [f"visits-0-{n}" for n in range(4)]
