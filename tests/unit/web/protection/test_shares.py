"""Readers take a limited share of the event loop, whatever they request and however many."""

import asyncio
import inspect
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import make_mocked_request
from guarded_workers import GuardedWorker
from simulated_loop import SimulatedLoop

from app.settings import Settings
from eventfold.web.errors import ApiError
from eventfold.web.protection.addresses import CONF, client_of
from eventfold.web.protection.rate import Measured
from eventfold.web.protection.shares import (
    AT_ONCE,
    BURST,
    CLIENT_AT_ONCE,
    CLIENT_BURST,
    CLIENT_SHARE,
    SHARE,
    SHARES,
    Shares,
    share_loop,
)

#: Seconds for which readers send requests, and seconds of the loop of a costly answer.
DURATION, COSTLY = 120.0, 0.3


class Readers:
    """Clients that send requests again and again, each over several connections."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self.loop = loop
        self.shares = Shares(loop.time, lambda: loop.worked)
        self.took: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        #: The longest that a client waited for an answer.
        self.waited: dict[str, float] = {}

    async def _answer(self, client: str, seconds: float) -> None:
        # Half before and half after an await, such as of another worker's answer.
        self.loop.work(seconds / 2)
        await asyncio.sleep(0.05)
        self.loop.work(seconds / 2)
        self.took[client] += seconds

    async def send_requests(
        self, client: str, seconds: float, *, pause: float, peer: bool = False
    ) -> None:
        """Send requests until the time is over; retry after `Retry-After`."""
        while self.loop.now < DURATION:
            begun = self.loop.now
            try:
                await self.shares.run(client, self._answer(client, seconds), peer=peer)
            except ApiError as error:
                self.refused[client] += 1
                await asyncio.sleep(int(error.headers["Retry-After"]))
            else:
                self.answered[client] += 1
                waited = self.loop.now - begun
                self.waited[client] = max(waited, self.waited.get(client, 0.0))
                await asyncio.sleep(pause)


def run(*asking: Coroutine[Any, Any, None], loop: SimulatedLoop) -> None:
    """Run readers until all have ended."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(asyncio.gather(*asking))
    finally:
        asyncio.set_event_loop(None)


@pytest.fixture
def readers() -> Any:
    """Return readers of a worker."""
    loop = SimulatedLoop()
    yield Readers(loop)
    loop.close()


def test_64_connections_of_one_client_get_the_share_of_one_client(
    readers: Readers,
) -> None:
    """Another client with cheap requests is never rejected, and waits for few answers."""
    greedy = [readers.send_requests("greedy", COSTLY, pause=0.0) for _ in range(64)]
    run(*greedy, readers.send_requests("normal", 0.01, pause=0.2), loop=readers.loop)
    most = CLIENT_SHARE * DURATION + CLIENT_BURST + (CLIENT_AT_ONCE + 1) * COSTLY
    assert 0.7 * CLIENT_SHARE * DURATION < readers.took["greedy"] <= most
    assert readers.refused["greedy"]
    assert readers.refused["normal"] == 0
    assert readers.answered["normal"] > 100
    assert readers.waited["normal"] < (CLIENT_AT_ONCE + 1) * (COSTLY + 0.05)


def test_all_clients_together_stay_within_the_common_share(readers: Readers) -> None:
    """Folding keeps the rest of the loop."""
    asking = [readers.send_requests(f"client-{n % 20}", COSTLY, pause=0.0) for n in range(100)]
    run(*asking, loop=readers.loop)
    most = SHARE * DURATION + BURST + (AT_ONCE + 1) * COSTLY
    assert 0.7 * SHARE * DURATION < readers.loop.worked <= most


def test_cheap_requests_are_answered_at_once(readers: Readers) -> None:
    """A dashboard of forty requests every two seconds, of 3 ms each."""
    run(*(readers.send_requests("page", 0.003, pause=2.0) for _ in range(40)), loop=readers.loop)
    assert readers.refused.total() == 0
    assert readers.answered["page"] > 2_000
    assert readers.waited["page"] < 2.0


def test_no_client_waits_until_the_burst_is_used_up(readers: Readers) -> None:
    """All together may take a second at once, and a client a costly answer."""
    waited: list[float] = []

    async def send_request() -> None:
        for client in map(str, range(12)):
            begun = readers.loop.now
            await readers.shares.run(client, readers._answer(client, COSTLY))
            waited.append(readers.loop.now - begun - COSTLY - 0.05)

    run(send_request(), loop=readers.loop)
    at_once = 1 + int(BURST / COSTLY)
    assert max(waited[:at_once]) == pytest.approx(0)
    assert max(waited) > 0.1


def test_requests_of_other_workers_wait_for_no_reader(readers: Readers) -> None:
    """Otherwise two workers whose readers take all turns would wait for each other."""
    greedy = [readers.send_requests("greedy", COSTLY, pause=0.0) for _ in range(64)]
    run(*greedy, readers.send_requests("worker", 0.01, pause=0.2, peer=True), loop=readers.loop)
    assert readers.refused["worker"] == 0
    assert readers.answered["worker"] > 100


def test_disconnected_reader_returns_its_turn(readers: Readers) -> None:
    """While it waits, and while its answer is made."""

    async def leave() -> None:
        for _ in range(10):
            asking = asyncio.ensure_future(readers.send_requests("greedy", COSTLY, pause=0.0))
            await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.wait({asking})
        readers.loop.now += 60
        await readers.shares.run("greedy", asyncio.sleep(0))

    run(leave(), loop=readers.loop)


def test_failed_answer_is_charged_and_its_error_raised(readers: Readers) -> None:
    """The error is the reader's, as without shares."""

    async def fail() -> None:
        readers.loop.work(COSTLY)
        await asyncio.sleep(0)
        raise ValueError("no such window")

    async def send_request() -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match="no such window"):
                await readers.shares.run("client", fail())

    run(send_request(), loop=readers.loop)
    assert readers.loop.now > 3 * COSTLY


@pytest.mark.parametrize("refused", [True, False])
def test_rejected_requests_are_charged_for_their_time(readers: Readers, refused: bool) -> None:
    """An answered request is charged for both, once."""
    loop, shares = readers.loop, readers.shares
    # Each of these requests is an object of aiohttp, and there are thousands a second.
    duration = DURATION / 4
    handled = answered = 0

    async def handle(request: Any) -> Any:
        nonlocal handled
        loop.work(0.002)
        handled += 1
        if not refused:
            await share_loop(request, answer)

    async def answer(_: Any) -> Any:
        nonlocal answered
        loop.work(0.004)
        answered += 1

    async def flood() -> None:
        app = web.Application()
        app[SHARES], app[CONF] = shares, Settings()
        while loop.now < duration:
            request = make_mocked_request("GET", "/api/tables", app=app)
            with suppress(ApiError):
                await shares.charged(request, client_of(request, app[CONF]), handle)

    run(*(flood() for _ in range(64)), loop=loop)
    cost = 0.002 if refused else 0.006
    assert loop.worked > 0.7 * CLIENT_SHARE * duration
    assert loop.worked <= CLIENT_SHARE * loop.now + CLIENT_BURST + 64 * cost
    assert handled * 0.002 + answered * 0.004 == pytest.approx(loop.worked)
    assert (answered == 0) == refused


def test_answer_can_handle_a_failure_of_another_worker(readers: Readers) -> None:
    """Its handler catches the error, as it does without shares."""

    async def fail() -> None:
        await asyncio.sleep(0.1)
        raise ValueError("no answer")

    async def make_do() -> str:
        try:
            await asyncio.ensure_future(fail())
        except ValueError:
            return "of this worker alone"
        return "whole"

    async def send_request() -> None:
        assert await readers.shares.run("client", make_do()) == "of this worker alone"

    run(send_request(), loop=readers.loop)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/metrics", 200),
        ("/static/page.js", 200),
        ("/api/candles/AAA?size=1m", 503),
        ("/api/tables", 503),
        ("/", 503),
    ],
)
async def test_health_and_metrics_answer_whatever_readers_owe(
    unprotected: GuardedWorker,
    http: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    status: int,
) -> None:
    """A client that has taken hours of the loop gets a 503 for the rest."""
    monkeypatch.setattr("eventfold.web.protection.shares.PATIENCE", 0.01)
    shares = unprotected.app.web.web_app[SHARES]
    monkeypatch.setattr(shares, "_worked", iter(range(0, 10**9, 10**4)).__next__)
    for each, answer in ("/api/tables", 200), (path, status):
        async with http.get(unprotected.url + each) as reply:
            assert reply.status == answer


async def test_answer_that_is_never_awaited_is_closed() -> None:
    """A coroutine would cause a warning; other awaitables have no `close`."""
    answer = asyncio.sleep(0)
    Measured(answer, float).close()
    assert inspect.getcoroutinestate(answer) == inspect.CORO_CLOSED
    Measured(asyncio.get_running_loop().create_future(), float).close()
