"""Two workers under every attack at once, while ticks come in: readers notice nothing."""

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
from attackers import AttackWave, Targets, bearer_header, client
from exactness import assert_exact
from guarded_workers import ADMIN, READ, TOKENS
from hostile_requests import places, requests
from hostile_topics import hostile_records, hostile_ticks, write
from hypothesis import HealthCheck, Phase, given, settings
from shares import open_partitions, wait_shared
from sse import events
from steady_load import SETTINGS, Load, Tick, wait_flow
from workers import Market, Worker, tick, until

from app.settings import Settings
from eventfold.embedded import LocalBroker
from eventfold.web.protection.sessions import cookie_name

CLUSTER = {"TICKSTREAM_WEB_CLUSTER_TOKEN": "cluster-" + "0123456789abcdef" * 2}

#: Transactions, rules and schemas are sources too. With the usual time-outs a machine that is short
#: of processors fences tasks by itself; test_greedy_readers.py runs with the usual ones.
UNDER_ATTACK = SETTINGS | {
    "TICKSTREAM_PIPELINES": "candles,gainers,surges,transactions,avro",
    "BROKER_SESSION_TIMEOUT": 60,
    "TICKSTREAM_TRANSACTION_TIMEOUT": "60s",
}

#: Seconds to wait for what takes ten on an idle machine.
PATIENCE = 240

#: Requests that no client sends by mistake, in one round of them.
HOSTILE = 300

#: Connections of a normal reader, and symbols that it asks for.
AT_ONCE, SYMBOLS = 4, 8

#: Ticks that are sent during the attacks: at least six seconds of them.
TICKS_MEANWHILE = 3_000

#: Unusual but valid symbols, each sent once.
UNUSUAL = ["\x1b[2J\x1b[H", "A\n 2. FORGED", "[red]A[/red]", "A\u202eB", "x" * 256, "\x7f\x00"]

#: A page of each kind, for readers; `{symbol}` is any symbol.
PAGES = [
    *("/", "/static/page.js", "/healthz", "/readyz", "/metrics", "/openapi.json", "/api/docs"),
    *("/api/symbols", "/api/days", "/api/top-gainers", "/api/top-losers", "/api/most-active"),
    *("/api/surges", "/api/rules", "/api/tables", "/api/lateness", "/api/workers"),
    *("/api/topology", "/api/windows/candles?window=1m", "/api/windows/days?window=1d"),
    *("/api/candles/{symbol}?size=5m&advance=1m", "/api/windows/candles/{symbol}?window=1m"),
    *("/api/tables/candles/{symbol}", "/registry/subjects"),
]
#: Requested for several symbols, whichever worker owns them.
PAGE = "/api/candles/{symbol}?size=1m"
#: Pages for admins only, where there are any.
ADMIN_PAGES = ["/table/", "/router/", "/graph/", "/stats/"]

#: A worker's address and a path.
Page = tuple[str, str]

logger = logging.getLogger(__name__)


@pytest.fixture
def own_market(tmp_path: Path) -> Iterator[Market]:
    """Run a broker for one test alone, with enough file descriptors for all listeners."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
    with LocalBroker(tmp_path / "broker") as running:
        yield Market(running.bootstrap, tmp_path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class NormalReader:
    """Reads a page of each kind from both workers, and retries where the answer asks for it."""

    def __init__(self, targets: Targets, symbols: Iterable[str]) -> None:
        names = [quote(symbol, safe="") for symbol in symbols]
        paths = [path.replace("{symbol}", names[0]) for path in PAGES]
        paths += [PAGE.replace("{symbol}", name) for name in names]
        self._targets = targets
        workers = [targets.url(number) for number in range(len(targets.ports))]
        self._pages: list[Page] = [(each, path) for path in paths for each in workers]
        self._admin_pages: list[Page] = [(each, p) for p in ADMIN_PAGES for each in workers]

    async def ask_all(self) -> None:
        """Return once each page was answered by each worker, and events too."""
        async with client("127.0.0.2", self._targets.read, most=AT_ONCE) as reader:
            await self._ask(reader, self._pages)
            for number in range(len(self._targets.ports)):
                async with events(reader, self._targets.url(number), "candles") as stream:
                    await stream.next("candles", seconds=PATIENCE)
                async with events(reader, self._targets.url(number), "surges") as stream:
                    await stream.next("start", seconds=PATIENCE)
        async with client("127.0.0.2", self._targets.admin, most=AT_ONCE) as admin:
            await self._ask(admin, self._admin_pages)

    async def _ask(self, http: ClientSession, pages: list[Page]) -> None:
        pending = pages
        while pending:
            answered = await asyncio.gather(*(self._answered(http, *each) for each in pending))
            pending = [page for page, done in zip(pending, answered, strict=True) if not done]

    async def _answered(self, http: ClientSession, worker: str, path: str) -> bool:
        async with http.get(worker + path) as answer:
            text = await answer.text()
            assert answer.status in {200, 503}, (path, answer.status, text[:500])
            if answer.status == 503:
                await asyncio.sleep(float(answer.headers["Retry-After"]))
            return answer.status == 200


def hostile_bytes(targets: Targets) -> list[bytes]:
    """Make requests of all routes, most of which carry a token."""
    found: list[bytes] = []
    with attacked() as worker:
        known = places(worker.app.web.web_app)
    headers = "".join(
        f"{name}: {value}\r\n" for name, value in bearer_header(targets.admin).items()
    )

    @settings(
        max_examples=HOSTILE,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(known, headers.encode(), cookie_name(targets.settings)))
    def collect(request: bytes) -> None:
        found.append(request)

    collect()
    return found


def send_unusual_symbols(market: Market, load: Load) -> None:
    """Send unusual but valid symbols: they are folded as all others are."""
    at = max(each.time for each in load.sent)
    market.send(tick(symbol, 2.5, at) for symbol in UNUSUAL)
    load.sent += [Tick(symbol, at, 2.5, 1) for symbol in UNUSUAL]


async def attack(targets: Targets, market: Market, load: Load) -> tuple[AttackWave, int]:
    """Attack over the network and by records until a normal reader has read every page.

    Returns the wave with its answers, and the number of hostile records in `ticks`.
    """
    hostile = hostile_bytes(targets)
    symbols = sorted({each.symbol for each in load.sent})[:SYMBOLS]
    reader = NormalReader(targets, symbols)
    ticks = hostile_ticks(max(each.time for each in load.sent))
    now = int(time.time() * 1000)
    await reader.ask_all()  # from here on each page has an answer
    async with AttackWave(targets, hostile) as wave:
        logger.info("All attacks have begun")
        await asyncio.to_thread(send_unusual_symbols, market, load)
        await asyncio.to_thread(write, market.bootstrap, [*ticks, *hostile_records(now)])
        await asyncio.to_thread(load.wait_sent, TICKS_MEANWHILE)
        await wave.wait_each_once()
        logger.info("Each attack has run one full round")
        await reader.ask_all()
        logger.info("All pages were answered under attack; what attackers got: %s", wave.answers)
    await reader.ask_all()
    return wave, len(ticks)


def assert_attacks_rejected(wave: AttackWave, *, protected: bool) -> None:
    """Check that each attack was answered by the right statuses, none of them a server error."""
    for name, answers in wave.answers.items():
        errors = [status for status in answers if status >= 500 and status != 503]
        assert not errors, (name, answers)
    assert wave.answers["greed"][200]
    assert wave.answers["schemas"][422]
    if protected:
        assert set(wave.answers["wrong tokens"]) <= {401, 429}
        assert set(wave.answers["forged cookies"]) <= {401, 429}
        assert set(wave.answers["signed requests"]) <= {403, 429}


def dead_letters(market: Market) -> Counter[str]:
    """Count dead letters by the topic they are from."""
    found = {
        (letter["topic"], letter["partition"], letter["offset"])
        for message in truth.read(market.bootstrap, "dead-letters")
        for letter in [json.loads(message.value())]
    }
    return Counter(topic for topic, _, _ in found)


def assert_no_failures(workers: list[Worker], starts: list[int]) -> None:
    """Check that no task failed and nothing was logged that fails the test.

    `starts` is the length of each log before: two workers that start at once fence each other's
    claims of topics.
    """
    for worker, begin in zip(workers, starts, strict=True):
        for failure in "is lost", "fenced", "Traceback", "refuses to answer":
            assert failure not in worker.log[begin:], (failure, worker.troubles())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("protected", [True, False], ids=["protected", "unprotected"])
def test_all_attacks_at_once_affect_neither_readers_nor_results(
    own_market: Market, protected: bool, tmp_path: Path
) -> None:
    """Readers get each kind of page from each worker, no task fails, and results are exact.

    A worker that restarts reads the hostile records again, and works on.
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
        shares = [open_partitions(worker) for worker in workers]
        ports = [worker.port for worker in workers]
        targets = Targets(ports, conf, READ if protected else None, ADMIN if protected else None)
        with Load(own_market.bootstrap) as load:
            wait_flow(own_market)
            starts = [len(worker.log) for worker in workers]
            wave, hostile = asyncio.run(attack(targets, own_market, load))
            assert_attacks_rejected(wave, protected=protected)
            assert [open_partitions(worker) for worker in workers] == shares
            until(lambda: dead_letters(own_market)["ticks"] >= hostile, PATIENCE)
            assert_no_failures(workers, starts)
            workers[1].stop()
            workers[1].start(wait=False)
            wait_shared(*workers, timeout=PATIENCE)
            wait_flow(own_market, after="the restart")
        assert_exact(own_market, load.sent)
        assert dead_letters(own_market)["ticks"] == hostile
        assert_no_failures(workers, starts)
