"""Two workers under every attack at once, while ticks come in: nobody else notices."""

import asyncio
import json
import logging
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
import truth
from aiohttp import ClientSession
from attacked import attacked
from attackers import Front, Wave, client, shown
from exactness import assert_exact
from guarded_workers import ADMIN, READ, TOKENS
from hostile_requests import places, requests
from hostile_topics import hostile_others, hostile_ticks, write
from hypothesis import HealthCheck, Phase, given, settings
from shares import owned, wait_shared
from sse import events
from steady_load import SETTINGS, Load, Tick, wait_flow
from workers import Market, Worker, tick, until

from app.settings import Settings
from eventfold.embedded import LocalBroker
from eventfold.web.protection.sessions import cookie_name

CLUSTER = {"TICKSTREAM_WEB_CLUSTER_TOKEN": "cluster-" + "0123456789abcdef" * 2}

#: Transactions, rules and schemas are read from outside as well. With the usual limits a machine
#: that is short of processors fences tasks by itself; with those, test_greedy_readers.py runs.
UNDER_ATTACK = SETTINGS | {
    "TICKSTREAM_PIPELINES": "candles,gainers,surges,transactions,avro",
    "BROKER_SESSION_TIMEOUT": 60,
    "TICKSTREAM_TRANSACTION_TIMEOUT": "60s",
}

#: Seconds for what takes ten on a quiet machine.
PATIENCE = 240

#: Requests that no client sends by mistake, in one round of them.
HOSTILE = 300

#: Connections of a normal reader, and symbols that it asks for.
AT_ONCE, SYMBOLS = 4, 8

#: Ticks that are sent while all this goes on: at least six seconds of them.
MEANWHILE = 3_000

#: Symbols that are odd and right, each sent once.
ODD = ["\x1b[2J\x1b[H", "A\n 2. FORGED", "[red]A[/red]", "A\u202eB", "x" * 256, "\x7f\x00"]

#: A page of each kind, for who reads; `{symbol}` is any symbol.
PAGES = [
    *("/", "/static/app.js", "/healthz", "/readyz", "/metrics", "/openapi.json", "/api/docs"),
    *("/api/symbols", "/api/days", "/api/top-gainers", "/api/top-losers", "/api/most-active"),
    *("/api/surges", "/api/rules", "/api/tables", "/api/lateness", "/api/workers"),
    *("/api/topology", "/api/windows/candles?window=1m", "/api/windows/days?window=1d"),
    *("/api/candles/{symbol}?size=5m&advance=1m", "/api/windows/candles/{symbol}?window=1m"),
    *("/api/tables/candles/{symbol}", "/registry/subjects"),
]
#: Asked for several symbols, wherever they are.
PAGE = "/api/candles/{symbol}?size=1m"
#: The same for admins alone, where there are any.
ADMIN_PAGES = ["/table/", "/router/", "/graph/", "/stats/"]

#: A worker, and what it is asked for.
Asked = tuple[str, str]

logger = logging.getLogger(__name__)


@pytest.fixture
def own_market(tmp_path: Path) -> Iterator[Market]:
    """Run a broker for one test alone, with files enough for who listens."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
    with LocalBroker(tmp_path / "broker") as running:
        yield Market(running.bootstrap, tmp_path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class NormalReader:
    """Asks both workers for a page of each kind, and comes again where it is asked to."""

    def __init__(self, front: Front, symbols: Iterable[str]) -> None:
        names = [quote(symbol, safe="") for symbol in symbols]
        paths = [path.replace("{symbol}", names[0]) for path in PAGES]
        paths += [PAGE.replace("{symbol}", name) for name in names]
        self._front = front
        workers = [front.url(number) for number in range(len(front.ports))]
        self._pages: list[Asked] = [(each, path) for path in paths for each in workers]
        self._admin_pages: list[Asked] = [(each, p) for p in ADMIN_PAGES for each in workers]

    async def ask_all(self) -> None:
        """Return once each page was answered by each worker, and events as well."""
        async with client("127.0.0.2", self._front.read, most=AT_ONCE) as reader:
            await self._ask(reader, self._pages)
            for number in range(len(self._front.ports)):
                async with events(reader, self._front.url(number), "candles") as stream:
                    await stream.next("candles", seconds=PATIENCE)
                async with events(reader, self._front.url(number), "surges") as stream:
                    await stream.next("start", seconds=PATIENCE)
        async with client("127.0.0.2", self._front.admin, most=AT_ONCE) as admin:
            await self._ask(admin, self._admin_pages)

    async def _ask(self, http: ClientSession, pages: list[Asked]) -> None:
        left = pages
        while left:
            answered = await asyncio.gather(*(self._answered(http, *each) for each in left))
            left = [page for page, done in zip(left, answered, strict=True) if not done]

    async def _answered(self, http: ClientSession, worker: str, path: str) -> bool:
        async with http.get(worker + path) as answer:
            text = await answer.text()
            assert answer.status in {200, 503}, (path, answer.status, text[:500])
            if answer.status == 503:
                await asyncio.sleep(float(answer.headers["Retry-After"]))
            return answer.status == 200


def hostile_bytes(front: Front) -> list[bytes]:
    """Make requests of all routes, most of which show who asks."""
    found: list[bytes] = []
    with attacked() as worker:
        known = places(worker.app.web.web_app)
    headers = "".join(f"{name}: {value}\r\n" for name, value in shown(front.admin).items())

    @settings(
        max_examples=HOSTILE,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(known, headers.encode(), cookie_name(front.settings)))
    def collect(request: bytes) -> None:
        found.append(request)

    collect()
    return found


def send_odd(market: Market, load: Load) -> None:
    """Send symbols that are odd and right: they are folded as all others are."""
    at = max(each.time for each in load.sent)
    market.send(tick(symbol, 2.5, at) for symbol in ODD)
    load.sent += [Tick(symbol, at, 2.5, 1) for symbol in ODD]


async def attack(front: Front, market: Market, load: Load) -> tuple[Wave, int]:
    """Attack by the network and by records until a normal reader has got all there is.

    Returns what attackers were answered, and how many of the records were none of a tick.
    """
    hostile = hostile_bytes(front)
    symbols = sorted({each.symbol for each in load.sent})[:SYMBOLS]
    reader = NormalReader(front, symbols)
    ticks = hostile_ticks(max(each.time for each in load.sent))
    now = int(time.time() * 1000)
    await reader.ask_all()  # from here on there is an answer to everything
    async with Wave(front, hostile) as wave:
        logger.info("All attacks have begun")
        await asyncio.to_thread(send_odd, market, load)
        await asyncio.to_thread(write, market.bootstrap, [*ticks, *hostile_others(now)])
        await asyncio.to_thread(load.wait_sent, MEANWHILE)
        await wave.whole()
        logger.info("Each attack was made once, whole")
        await reader.ask_all()
        logger.info("All pages were answered under attack; what attackers got: %s", wave.answers)
    await reader.ask_all()
    return wave, len(ticks)


def assert_refused(wave: Wave, *, protected: bool) -> None:
    """Check that each attack was answered as it deserves, and none with an error of ours."""
    for name, answers in wave.answers.items():
        errors = [status for status in answers if status >= 500 and status != 503]
        assert not errors, (name, answers)
    assert wave.answers["greed"][200]
    assert wave.answers["schemas"][422]
    if protected:
        assert set(wave.answers["wrong tokens"]) <= {401, 429}
        assert set(wave.answers["forged cookies"]) <= {401, 429}
        assert set(wave.answers["questions"]) <= {403, 429}


def dead_letters(market: Market) -> Counter[str]:
    """Count dead letters by the topic they are from."""
    found = {
        (letter["topic"], letter["partition"], letter["offset"])
        for message in truth.read(market.bootstrap, "dead-letters")
        for letter in [json.loads(message.value())]
    }
    return Counter(topic for topic, _, _ in found)


def assert_untroubled(workers: list[Worker], since: list[int]) -> None:
    """Check that no task was lost, and that nothing failed in a way nobody thought of.

    `since` is how long each log was before: two workers that start at once fence each other's
    claims of topics.
    """
    for worker, begin in zip(workers, since, strict=True):
        for trouble in "is lost", "fenced", "Traceback", "refuses to answer":
            assert trouble not in worker.log[begin:], (trouble, worker.troubles())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("protected", [True, False], ids=["protected", "unprotected"])
def test_every_attack_at_once_harms_nobody_else(
    own_market: Market, protected: bool, tmp_path: Path
) -> None:
    """Readers get each kind of page from each worker, no task is lost, and results are exact.

    A worker that starts again reads what was written as well, and works on.
    """
    tokens = TOKENS | CLUSTER if protected else {}
    conf = Settings(
        TICKSTREAM_APP_ID=own_market.application, APP_DATADIR=str(tmp_path / "thief"), **tokens
    )
    with ExitStack() as running:
        workers = [own_market.worker(**UNDER_ATTACK, **tokens) for _ in range(2)]
        for worker in workers:
            running.push(worker.start(wait=False))
        wait_shared(*workers, timeout=PATIENCE)
        shares = [owned(worker) for worker in workers]
        ports = [worker.port for worker in workers]
        front = Front(ports, conf, READ if protected else None, ADMIN if protected else None)
        with Load(own_market.bootstrap) as load:
            wait_flow(own_market)
            since = [len(worker.log) for worker in workers]
            wave, hostile = asyncio.run(attack(front, own_market, load))
            assert_refused(wave, protected=protected)
            assert [owned(worker) for worker in workers] == shares
            until(lambda: dead_letters(own_market)["ticks"] >= hostile, PATIENCE)
            assert_untroubled(workers, since)
            workers[1].stop()
            workers[1].start(wait=False)
            wait_shared(*workers, timeout=PATIENCE)
            wait_flow(own_market, after="the restart")
        assert_exact(own_market, load.sent)
        assert dead_letters(own_market)["ticks"] == hostile
        assert_untroubled(workers, since)
