"""Three workers are restarted one after the other, under load: nobody who asks gets an error."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, cycle
from threading import Event, Thread

import truth
from confluent_kafka import Producer
from progress import lag
from workers import MINUTE, Market, Worker, tick, until

SYMBOLS = [f"SYM{n:02}" for n in range(30)]
#: Ticks a second.
RATE = 2_000
GRACE = 5 * MINUTE


class Load:
    """Ticks at a steady rate from a thread, until told to stop."""

    def __init__(self, market: Market) -> None:
        self._stop = Event()
        self._thread = Thread(target=self._send, args=[market.bootstrap])
        self.sent = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send meanwhile."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _send(self, bootstrap: str) -> None:
        producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2",
                "enable.idempotence": True,
                "linger.ms": 5,
            }
        )
        begun, symbols = time.time(), cycle(SYMBOLS)
        while not self._stop.wait(0.02):
            for _ in range(int((time.time() - begun) * RATE) - self.sent):
                now = int(time.time() * 1000)
                key, value, at = tick(next(symbols), 10 + self.sent % 997 / 100, now)
                producer.produce("ticks", value, key, timestamp=at)
                self.sent += 1
            producer.poll(0)
        assert producer.flush(60) == 0


class Asking:
    """Questions to all workers that have not been told to stop, from a thread."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers
        #: Those that are being restarted: who asks is sent to the others.
        self.away: set[Worker] = set()
        #: Status → answers.
        self.answers: Counter[int] = Counter()
        #: What should not have come.
        self.errors: list[str] = []
        self._stop = Event()
        self._thread = Thread(target=self._ask_all)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask meanwhile."""
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
                    f"/api/candles/{SYMBOLS[number % len(SYMBOLS)]}?size=1m",
                    "/api/top-gainers",
                    "/api/symbols",
                ):
                    self._ask(worker, path)

    def _ask(self, worker: Worker, path: str) -> None:
        if worker in self.away:
            return
        try:
            answer = worker.ask(path)
        except OSError as error:
            if worker not in self.away:
                self.errors.append(f"{path}: {error!r}")
            return
        self.answers[answer.status] += 1
        if answer.status != 200 and not (answer.status == 503 and "retry-after" in answer.headers):
            self.errors.append(f"{path}: {answer.status} {answer.body[:200]!r}")


def test_a_rolling_restart_is_no_error_to_anybody(market: Market) -> None:
    """Every answer is 200, or 503 with Retry-After; stops are in order; all windows are right."""
    load = Load(market)
    with market.workers(3) as workers:
        with load.running():
            until(lambda: workers[0].get("/api/symbols")[1] == SYMBOLS, 60)
            until(lambda: workers[0].get("/api/top-gainers")[0] == 200, 60)
            asking = Asking(workers)
            with asking.running():
                for worker in workers:
                    asking.away.add(worker)
                    assert worker.stop() == 0
                    worker.start()
                    asking.away.remove(worker)
        until(lambda: lag(market.bootstrap, market.application) == 0, 60)
    assert asking.errors == []
    assert asking.answers[200] > 50
    wrong = truth.differences(
        truth.candles(truth.ticks(market.bootstrap), MINUTE, MINUTE, GRACE),
        truth.published(market.bootstrap).filter(size=MINUTE),
    )
    assert len(wrong) == 0
    print(f"{load.sent} ticks, answers by status: {dict(asking.answers)}")  # noqa: T201  # a figure
