"""Keeps the worker's log readable: what aiokafka says of its normal course, or again and again."""

import logging
import time
import traceback
from dataclasses import dataclass, field

import stamina
from aiokafka.errors import NotEnoughReplicasError, ProducerFenced
from mode import Service

logger = logging.getLogger(__name__)


def quieten() -> None:
    """Silence what is said at each restore, and at a transaction that follows closely on another.

    While a transaction's markers are being written the next one's first records are refused as
    *not enough replicas*: the broker says so to clients that don't know CONCURRENT_TRANSACTIONS
    (KAFKA-15459), and they try again 20 ms later. A real shortage of replicas outlasts that; then
    the checkpoint fails, and its task says so.
    """
    # Each service would log that it starts and stops: a stop is 60 lines.
    Service.mundane_level = "debug"
    logging.getLogger("aiokafka.consumer.subscription_state").setLevel(logging.WARNING)
    # Of each connection it says who we are; at debug also what it sends, passwords and all.
    logging.getLogger("aiokafka.conn").setLevel(logging.WARNING)
    sender = logging.getLogger("aiokafka.producer.sender")
    sender.setLevel(logging.WARNING)
    sender.addFilter(_is_news)
    logging.getLogger("asyncio").addFilter(is_not_of_a_failed_batch)
    stamina.instrumentation.set_on_retry_hooks([note_retry])
    seldom = Seldom()
    for name in REPETITIVE:
        logging.getLogger(name).addFilter(seldom)


#: Those loggers that speak at each request that fails, of which a client sends as many as it likes;
#: and at each retry: while a broker is away, the producers of four tasks wrote 500 lines a second;
#: while a collector of traces is, its exporter one a second.
REPETITIVE = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
    "aiohttp.server",
    "eventfold.telemetry.log_filters",
    "eventfold.web.errors",
    "asyncio",
    "opentelemetry.exporter.otlp.common.http",
)

#: Seconds for which trying again is the normal course: of a broker that starts, of a new topic.
NORMAL = 1.0

#: Seconds in which a message is said once.
PAUSE = 10.0

#: Texts that are known at once; then all are new again.
MOST_TEXTS = 1_000


@dataclass
class Seldom:
    """Lets each warning or error through once in `PAUSE`, with how often it came since.

    Two are the same if their texts are, but for what is filled in, and the errors that they show
    were raised at one place.
    """

    said: dict[tuple[str, ...], float] = field(default_factory=dict)
    unsaid: dict[tuple[str, ...], int] = field(default_factory=dict)

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is to be logged."""
        if record.levelno < logging.WARNING:
            return True
        message, now = (record.name, str(record.msg), _raised_at(record)), time.monotonic()
        if now - self.said.get(message, -PAUSE) < PAUSE:
            self.unsaid[message] = self.unsaid.get(message, 0) + 1
            return False
        if len(self.said) >= MOST_TEXTS:
            self.said.clear()
            self.unsaid.clear()
        self.said[message] = now
        times = self.unsaid.pop(message, 0)
        if times:
            record.msg, record.args = f"{record.getMessage()} (and {times} times before)", ()
        return True


def _raised_at(record: logging.LogRecord) -> str:
    """Return the type of the error that a record shows, and where it was raised."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    (*_, (frame, line)) = (("", 0), *traceback.walk_tb(error.__traceback__))
    return f"{type(error).__name__} {getattr(frame, 'f_code', '')} {line}"


def note_retry(details: stamina.instrumentation.RetryDetails) -> None:
    """Log why something is tried again, in words: stamina's own line has none."""
    level = logging.WARNING if details.waited_so_far > NORMAL else logging.DEBUG
    reason = str(details.caused_by) or type(details.caused_by).__name__
    logger.log(level, "%s is tried again in %.1f s: %s", details.name, details.wait_for, reason)


def _is_news(record: logging.LogRecord) -> bool:
    retried = "retrying" in str(record.msg) and isinstance(record.args, tuple)
    return not (retried and NotEnoughReplicasError in (record.args or ()))


def is_not_of_a_failed_batch(record: logging.LogRecord) -> bool:
    """When a producer fails, aiokafka's batches are taken off its list twice: no harm is done.

    One that is fenced, such as by a worker that starts at the same moment, leaves a future of a
    batch that nobody waits for: who has sent the batch hears of it by another one.
    """
    error = record.exc_info[1] if record.exc_info else None
    said = record.getMessage()
    left = said.startswith("Future exception was never") and isinstance(error, ProducerFenced)
    return "MessageAccumulator._pop_batch" not in said and not left
