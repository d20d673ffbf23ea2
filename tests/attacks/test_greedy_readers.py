"""Clients that request as much as the limits allow: folding and other clients go on."""

import asyncio
from collections import Counter

from aiohttp import ClientSession, TCPConnector
from exactness import assert_exact
from steady_load import SETTINGS, Load, wait_flow
from workers import Market, Worker

CONNECTIONS = 64

#: Ticks that are sent during the requests: ten seconds of them.
TICKS_MEANWHILE = 5_000

PAGES = [
    "/api/windows/candles?window=5m/1m&limit=5000",
    "/api/windows/candles?window=1m&limit=5000",
    "/api/windows/days?limit=5000",
    "/api/symbols?limit=1000",
    "/api/tables",
]

#: Seconds between two rounds of a modest reader.
PAUSE = 0.5

MODEST_PATHS = ["/healthz", "/readyz", "/api/tables", "/api/top-gainers"]


class Readers:
    """Clients of a worker; counts how they were answered."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.greedy: Counter[int] = Counter()
        #: Answers to the normal reader, by path.
        self.normal: Counter[str] = Counter()
        self._answered_all = asyncio.Event()
        self._done = False

    async def ask_while(self, load: Load) -> None:
        """Send many requests from one address, and a few from another, while ticks are sent."""
        greedy = TCPConnector(limit=CONNECTIONS)
        normal = TCPConnector(local_addr=("127.0.0.2", 0))
        async with ClientSession(connector=greedy) as many, ClientSession(connector=normal) as one:
            asking = [
                asyncio.create_task(self._ask_greedily(many, PAGES[number % len(PAGES)]))
                for number in range(CONNECTIONS)
            ]
            asking.append(asyncio.create_task(self._ask_modestly(one)))
            await asyncio.to_thread(load.wait_sent, TICKS_MEANWHILE)
            await self._answered_all.wait()
            self._done = True
            await asyncio.gather(*asking)

    async def _ask_greedily(self, http: ClientSession, page: str) -> None:
        while not self._done:
            async with http.get(f"{self._worker.url}{page}") as answer:
                await answer.read()
                self.greedy[answer.status] += 1
                assert answer.status == 200 or int(answer.headers["Retry-After"]) > 0

    async def _ask_modestly(self, http: ClientSession) -> None:
        """Ask as a dashboard does, and retry where the answer asks for it."""
        while not self._done:
            for path in MODEST_PATHS:
                async with http.get(f"{self._worker.url}{path}") as answer:
                    # An answer may also be 503, such as before there is a ranking.
                    if "busy" not in await answer.text():
                        self.normal[path] += 1
            if set(self.normal) == set(MODEST_PATHS):
                self._answered_all.set()
            await asyncio.sleep(PAUSE)


def test_64_greedy_connections_do_not_stop_folding_or_other_readers(market: Market) -> None:
    """They get their share, a modest reader is answered, no task fails, results are exact."""
    with market.worker(**SETTINGS, TICKSTREAM_WEB_RATE=0) as worker:
        with Load(market.bootstrap) as load:
            wait_flow(market)
            readers = Readers(worker)
            asyncio.run(readers.ask_while(load))
        assert_exact(market, load.sent)
        # Whether a request is rejected depends on the machine; how time is shared is tested in
        # tests/unit/web/protection/test_shares.py.
        assert readers.greedy[200]
        assert set(readers.greedy) <= {200, 503}
        assert "is lost" not in worker.log
        assert "fenced" not in worker.log
