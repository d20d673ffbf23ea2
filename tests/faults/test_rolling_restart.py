"""Three workers are restarted one after the other, under load: no client gets an error."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread

import pytest
from exactness import assert_exact
from steady_load import RATE, SETTINGS, Load
from workers import Market, Worker, until

logger = logging.getLogger(__name__)


class Client:
    """Asks all workers that are not being restarted, from a thread."""

    def __init__(self, workers: list[Worker], symbols: list[str]) -> None:
        self.workers = workers
        self.symbols = symbols
        #: Workers that are being restarted: they are not asked, as a load balancer would do.
        self.restarting: set[Worker] = set()
        #: Number of answers by status.
        self.answers: Counter[int] = Counter()
        #: Unexpected answers.
        self.errors: list[str] = []
        self._stop = Event()
        self._thread = Thread(target=self._ask_all)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask for as long as this lasts."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _ask_all(self) -> None:
        for number in count():
            for worker in self.workers:
                if self._stop.is_set():
                    return
                for path in (
                    f"/api/candles/{self.symbols[number % len(self.symbols)]}?size=1m",
                    "/api/top-gainers",
                    "/api/symbols",
                ):
                    self._ask(worker, path)

    def _ask(self, worker: Worker, path: str) -> None:
        if worker in self.restarting:
            return
        try:
            answer = worker.ask(path)
        except OSError as error:
            if worker not in self.restarting:
                self.errors.append(f"{path}: {error!r}")
            return
        self.answers[answer.status] += 1
        if answer.status != 200 and not (answer.status == 503 and "retry-after" in answer.headers):
            self.errors.append(f"{path}: {answer.status} {answer.body[:200]!r}")


@pytest.mark.timeout(400)
def test_rolling_restart_causes_no_client_errors(own_market: Market) -> None:
    """Every answer is 200, or 503 with Retry-After; stops are clean; all windows are right."""
    # Two partitions each: of four the third worker may get none, as it comes last.
    with own_market.workers(3, **SETTINGS | {"TOPIC_PARTITIONS": 6}) as workers:
        with Load(own_market.bootstrap) as load:
            load.wait_sent(RATE)
            symbols = sorted({tick.symbol for tick in load.sent})
            until(lambda: workers[0].get("/api/symbols")[1] == symbols, 60)
            until(lambda: workers[0].get("/api/top-gainers")[0] == 200, 60)
            client = Client(workers, symbols)
            with client.running():
                for worker in workers:
                    client.restarting.add(worker)
                    assert worker.stop() == 0
                    worker.start()
                    client.restarting.remove(worker)
        assert_exact(own_market, load.sent)
    assert client.errors == []
    assert client.answers[200] > 50
    logger.info("%d ticks, answers by status: %s", len(load.sent), dict(client.answers))
