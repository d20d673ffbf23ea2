"""Log filters: drop what aiokafka logs in normal operation, and limit repeated messages."""

import logging
import time
import traceback
from dataclasses import dataclass, field

import stamina
from aiokafka.errors import NotEnoughReplicasError, ProducerFenced
from mode import Service

logger = logging.getLogger(__name__)


def quieten() -> None:
    """Install the filters: no messages of each restore, nor of transactions in quick succession."""
    # While a transaction's markers are being written, the broker rejects the first records of the
    # next one as *not enough replicas*, for clients that don't know CONCURRENT_TRANSACTIONS
    # (KAFKA-15459). They retry 20 ms later. A real shortage of replicas lasts longer: then the
    # checkpoint fails, and its task logs that.
    # Each service logs that it starts and stops: a stop would be 60 lines.
    Service.mundane_level = "debug"
    logging.getLogger("aiokafka.consumer.subscription_state").setLevel(logging.WARNING)
    # It logs the user of each connection; at debug level also what it sends, passwords included.
    logging.getLogger("aiokafka.conn").setLevel(logging.WARNING)
    sender = logging.getLogger("aiokafka.producer.sender")
    sender.setLevel(logging.WARNING)
    sender.addFilter(_is_no_short_retry)
    logging.getLogger("asyncio").addFilter(is_no_leftover_of_failed_batch)
    stamina.instrumentation.set_on_retry_hooks([log_retry])
    repeats = RepeatFilter()
    for name in REPETITIVE:
        logging.getLogger(name).addFilter(repeats)


#: Loggers that log each failed request, of which a client may send any number, or each retry.
#: While a broker is away, the producers of four tasks wrote 500 lines a second; while a collector
#: of traces is away, its exporter writes one a second.
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

#: Seconds for which retries are normal, such as while a broker starts or a topic is new.
NORMAL = 1.0

#: Seconds within which a message is logged once.
PAUSE = 10.0

#: Most messages that are remembered; beyond that, all are forgotten.
MAX_TEXTS = 1_000


@dataclass
class RepeatFilter:
    """Filter that passes each warning or error once in `PAUSE` seconds, with the number suppressed.

    Two messages are the same if their texts before formatting are, and if the errors that they
    show were raised at the same place.
    """

    #: When each message was logged (s, monotonic clock), and how often it was not since.
    logged: dict[tuple[str, ...], float] = field(default_factory=dict)
    suppressed: dict[tuple[str, ...], int] = field(default_factory=dict)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be logged; append the number of suppressed ones."""
        if record.levelno < logging.WARNING:
            return True
        message, now = (record.name, str(record.msg), _raised_at(record)), time.monotonic()
        if now - self.logged.get(message, -PAUSE) < PAUSE:
            self.suppressed[message] = self.suppressed.get(message, 0) + 1
            return False
        if len(self.logged) >= MAX_TEXTS:
            self.logged.clear()
            self.suppressed.clear()
        self.logged[message] = now
        times = self.suppressed.pop(message, 0)
        if times:
            record.msg, record.args = f"{record.getMessage()} (and {times} times before)", ()
        return True


def _raised_at(record: logging.LogRecord) -> str:
    """Return the type of a record's error and the place where it was raised; "" without one."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    (*_, (frame, line)) = (("", 0), *traceback.walk_tb(error.__traceback__))
    return f"{type(error).__name__} {getattr(frame, 'f_code', '')} {line}"


def log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    """Log a retry with its reason, which stamina's own line lacks."""
    level = logging.WARNING if details.waited_so_far > NORMAL else logging.DEBUG
    reason = str(details.caused_by) or type(details.caused_by).__name__
    logger.log(level, "%s is tried again in %.1f s: %s", details.name, details.wait_for, reason)


def _is_no_short_retry(record: logging.LogRecord) -> bool:
    retried = "retrying" in str(record.msg) and isinstance(record.args, tuple)
    return not (retried and NotEnoughReplicasError in (record.args or ()))


def is_no_leftover_of_failed_batch(record: logging.LogRecord) -> bool:
    """Return whether a record is none of the harmless errors of a producer that has failed."""
    # aiokafka then removes batches from its list twice. A producer that is fenced, such as by a
    # worker that starts at the same moment, also leaves the future of a batch that nothing awaits:
    # the sender of the batch gets the error through another future.
    error = record.exc_info[1] if record.exc_info else None
    text = record.getMessage()
    left = text.startswith("Future exception was never") and isinstance(error, ProducerFenced)
    return "MessageAccumulator._pop_batch" not in text and not left
