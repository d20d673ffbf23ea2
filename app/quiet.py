"""Takes what aiokafka says of its normal course out of the worker's log."""

import logging

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
    sender = logging.getLogger("aiokafka.producer.sender")
    sender.setLevel(logging.WARNING)
    sender.addFilter(_is_news)


def _is_no_traceback(record: logging.LogRecord) -> bool:
    """Say whether this isn't mode's traceback of a stop, whose reason stands in the log already."""
    return "Crashed reason" not in str(record.msg)


def _is_news(record: logging.LogRecord) -> bool:
    retried = "retrying" in str(record.msg) and isinstance(record.args, tuple)
    return not (retried and NotEnoughReplicasError in (record.args or ()))
