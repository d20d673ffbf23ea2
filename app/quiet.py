"""Keeps the worker's log readable: what aiokafka says of its normal course, or again and again."""

import logging
import time
from dataclasses import dataclass, field

from aiokafka.errors import NotEnoughReplicasError


def quieten() -> None:
    """Silence what is said at each restore, and at a transaction that follows closely on another.

    While a transaction's markers are being written the next one's first records are refused as
    *not enough replicas*: the broker says so to clients that don't know CONCURRENT_TRANSACTIONS
    (KAFKA-15459), and they try again 20 ms later. A real shortage of replicas outlasts that; then
    the checkpoint fails, and its task says so.
    """
    logging.getLogger("app.state.tasks").addFilter(_is_no_traceback)
    logging.getLogger("aiokafka.consumer.subscription_state").setLevel(logging.WARNING)
    # Of each connection it says who we are; at debug also what it sends, passwords and all.
    logging.getLogger("aiokafka.conn").setLevel(logging.WARNING)
    sender = logging.getLogger("aiokafka.producer.sender")
    sender.setLevel(logging.WARNING)
    sender.addFilter(_is_news)
    logging.getLogger("asyncio").addFilter(_is_not_of_a_failed_batch)
    seldom = Seldom()
    for name in REPETITIVE:
        logging.getLogger(name).addFilter(seldom)


#: Those loggers that speak at each retry: while a broker is away, the producers of four tasks wrote
#: 500 lines a second; while a collector of traces is, its exporter one a second.
REPETITIVE = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
    "opentelemetry.exporter.otlp.common.http",
)

#: Seconds in which a message is said once.
PAUSE = 10.0


@dataclass
class Seldom:
    """Lets each warning or error through once in `PAUSE`, with how often it came since.

    Two are the same if their texts are, but for what is filled in.
    """

    said: dict[tuple[str, str], float] = field(default_factory=dict)
    unsaid: dict[tuple[str, str], int] = field(default_factory=dict)

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is to be logged."""
        if record.levelno < logging.WARNING:
            return True
        message, now = (record.name, str(record.msg)), time.monotonic()
        if now - self.said.get(message, -PAUSE) < PAUSE:
            self.unsaid[message] = self.unsaid.get(message, 0) + 1
            return False
        self.said[message] = now
        times = self.unsaid.pop(message, 0)
        if times:
            record.msg, record.args = f"{record.getMessage()} (and {times} times before)", ()
        return True


def _is_no_traceback(record: logging.LogRecord) -> bool:
    """Say whether this isn't mode's traceback of a stop, whose reason stands in the log already."""
    return "Crashed reason" not in str(record.msg)


def _is_news(record: logging.LogRecord) -> bool:
    retried = "retrying" in str(record.msg) and isinstance(record.args, tuple)
    return not (retried and NotEnoughReplicasError in (record.args or ()))


def _is_not_of_a_failed_batch(record: logging.LogRecord) -> bool:
    """When a producer fails, aiokafka's batches are taken off its list twice: no harm is done."""
    return "MessageAccumulator._pop_batch" not in record.getMessage()
