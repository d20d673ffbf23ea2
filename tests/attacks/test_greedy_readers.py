"""Readers within all limits that ask for all they can get: folding goes on, and so do others."""

import asyncio
from collections import Counter

from aiohttp import ClientSession, TCPConnector
from exactness import assert_exact
from steady_load import SETTINGS, Load, wait_flow
from workers import Market, Worker

CONNECTIONS = 64

#: Ticks that are sent while they ask: ten seconds of them.
MEANWHILE = 5_000

PAGES = [
    "/api/windows/candles?window=5m/1m&limit=5000",
    "/api/windows/candles?window=1m&limit=5000",
    "/api/windows/days?limit=5000",
    "/api/symbols?limit=1000",
    "/api/tables",
]

#: Seconds between two rounds of a reader that asks for little.
PAUSE = 0.5

LITTLE = ["/healthz", "/readyz", "/api/tables", "/api/top-gainers"]


class Readers:
    """Clients of a worker, which note how they were answered."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.greedy: Counter[int] = Counter()
        #: The paths of which the normal reader had its answer.
        self.normal: Counter[str] = Counter()
        self._answered_all = asyncio.Event()
        self._done = False

    async def ask_while(self, load: Load) -> None:
        """Ask from one address in many connections, and from another a little now and then."""
        greedy = TCPConnector(limit=CONNECTIONS)
        normal = TCPConnector(local_addr=("127.0.0.2", 0))
        async with ClientSession(connector=greedy) as many, ClientSession(connector=normal) as one:
            asking = [
                asyncio.create_task(self._ask_on(many, PAGES[number % len(PAGES)]))
                for number in range(CONNECTIONS)
            ]
            asking.append(asyncio.create_task(self._ask_a_little(one)))
            await asyncio.to_thread(load.wait_sent, MEANWHILE)
            await self._answered_all.wait()
            self._done = True
            await asyncio.gather(*asking)

    async def _ask_on(self, http: ClientSession, page: str) -> None:
        while not self._done:
            async with http.get(f"{self._worker.url}{page}") as answer:
                await answer.read()
                self.greedy[answer.status] += 1
                assert answer.status == 200 or int(answer.headers["Retry-After"]) > 0

    async def _ask_a_little(self, http: ClientSession) -> None:
        """Ask as a dashboard does, and come again when that is asked for."""
        while not self._done:
            for path in LITTLE:
                async with http.get(f"{self._worker.url}{path}") as answer:
                    # Also unavailable, such as before there is a ranking.
                    if "busy" not in await answer.text():
                        self.normal[path] += 1
            if set(self.normal) == set(LITTLE):
                self._answered_all.set()
            await asyncio.sleep(PAUSE)


def test_64_connections_that_ask_for_all_windows_stop_nothing(market: Market) -> None:
    """They get their share; who asks for little is answered, no task is lost, results are exact."""
    with market.worker(**SETTINGS, TICKSTREAM_WEB_RATE=0) as worker:
        with Load(market.bootstrap) as load:
            wait_flow(market)
            readers = Readers(worker)
            asyncio.run(readers.ask_while(load))
        assert_exact(market, load.sent)
        # Whether anybody is rejected depends on the machine; how the time is shared, on none:
        # tests/unit/web/protection/test_shares.py.
        assert readers.greedy[200]
        assert set(readers.greedy) <= {200, 503}
        assert "is lost" not in worker.log
        assert "fenced" not in worker.log
