"""Ticks at a steady rate during a fault, and the progress of a worker after it.

with Load(market.bootstrap) as load:
    something_happens()
assert_exact(market, load.sent)
"""

import json
import logging
import threading
import time
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import KafkaException, Producer
from patience import PATIENCE
from progress import committed, lag
from workers import MARKET, Market, until

from app.market.walks import Flaws
from app.market.walks import Market as Simulator

#: Ticks a second, and ms of event time between two: a second of the test is 100 s of event time,
#: so that windows end and become final while it runs.
RATE = 500
STEP = 200
SYMBOLS = 40

#: Settings of the workers under load: few tasks, and enough windows to detect wrong results.
SETTINGS = {**MARKET, "TOPIC_PARTITIONS": 4, "TICKSTREAM_WINDOWS": "1m,5m/1m,1d"}

HOUR = 3_600_000

logger = logging.getLogger(__name__)


class Tick(NamedTuple):
    """A tick that was sent."""

    symbol: str
    time: int
    price: float
    size: int


class Load:
    """Sends ticks to `ticks` from entering to leaving; leaving waits until all are in Kafka.

    The producer is idempotent and retries without end: whatever happens to the brokers, each tick
    of `sent` is in the topic once.
    """

    def __init__(self, bootstrap: str) -> None:
        self.sent: list[Tick] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2",
                "linger.ms": 5,
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "log_level": 2,
                **PATIENCE,
            }
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        unsent = self._producer.flush(60 if kind is None else 1)
        assert kind is not None or unsent == 0, f"{unsent} ticks can't be sent"

    def wait_sent(self, number: int) -> None:
        """Wait until `number` more ticks than now were handed to the producer."""
        goal = len(self.sent) + number
        until(lambda: len(self.sent) >= goal, 60)

    def _send(self) -> None:
        # Event time runs faster than the clock: after seven minutes it is too far ahead of it, and
        # ticks become dead letters.
        start = time.time_ns() // 1_000_000 - 12 * HOUR
        flaws = Flaws(disorder=0.02, late=0.001, broken=0)
        market = Simulator(step=STEP, symbols=SYMBOLS, flaws=flaws)
        started = time.monotonic()
        for symbol, value, _ in market.records(start):
            while len(self.sent) >= (time.monotonic() - started) * RATE:
                if self._stop.wait(0.01):
                    return
            tick = json.loads(value)
            self.sent.append(Tick(tick["symbol"], tick["time"], tick["price"], tick["size"]))
            self._producer.produce("ticks", value, symbol, timestamp=time.time_ns() // 1_000_000)
            self._producer.poll(0)


def position(market: Market) -> int:
    """Return the sum of the application's committed offsets of `ticks`, 0 if unknown."""
    try:
        return committed(market.bootstrap, market.application, "ticks")
    except KafkaException:
        return 0


def wait_flow(market: Market, after: str = "the start", timeout: float = 120) -> None:
    """Wait until the application commits more offsets than now; log the seconds it took.

    Raises TimeoutError, with a note on how many ticks wait to be read.
    """
    started = time.monotonic()
    before = until(lambda: position(market), timeout)
    try:
        until(lambda: position(market) > before, timeout)
    except TimeoutError as error:
        unread = lag(market.bootstrap, market.application, "ticks")
        error.add_note(f"After {after} {before} ticks are committed, {unread} wait to be read.")
        raise
    logger.info("After %s the flow goes on in %.1f s", after, time.monotonic() - started)


def wait_caught_up(market: Market, timeout: float = 120) -> None:
    """Wait until the application has committed all ticks there are."""

    def is_caught_up() -> bool:
        try:
            return not lag(market.bootstrap, market.application, "ticks")
        except KafkaException:
            return False

    until(is_caught_up, timeout)
