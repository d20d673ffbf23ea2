"""A log that stays readable while a broker is away."""

import asyncio
import gc
import logging

import pytest
import stamina
from aiokafka.errors import ProducerFenced, UnknownError

from eventfold.telemetry.log_filters import (
    NORMAL,
    PAUSE,
    Seldom,
    is_not_of_a_failed_batch,
    note_retry,
)


def record(level: int, message: str, *filled_in: object) -> logging.LogRecord:
    """Make what a logger passes to its filters."""
    return logging.LogRecord("aiokafka", level, __file__, 1, message, filled_in, None)


def test_a_complaint_is_made_once_whatever_is_filled_in() -> None:
    """The same text for another node is the same complaint; another text is not."""
    seldom = Seldom()
    said = [seldom.filter(record(logging.ERROR, "no node %s", number)) for number in range(100)]
    assert said == [True] + [False] * 99
    assert seldom.filter(record(logging.ERROR, "no coordinator"))


def test_after_a_while_it_comes_again_with_how_often_it_would_have() -> None:
    """The number of those held back stands behind the text."""
    seldom = Seldom()
    for number in range(3):
        seldom.filter(record(logging.WARNING, "no node %s", number))
    seldom.said = {message: at - PAUSE for message, at in seldom.said.items()}
    again = record(logging.WARNING, "no node %s", 7)
    assert seldom.filter(again)
    assert again.getMessage() == "no node 7 (and 2 times before)"


def test_what_is_no_complaint_is_said_each_time() -> None:
    """Information passes."""
    seldom = Seldom()
    assert all(seldom.filter(record(logging.INFO, "joined %s", n)) for n in range(3))


@pytest.mark.parametrize(("waited", "logged"), [(NORMAL, False), (NORMAL + 0.1, True)])
def test_what_is_tried_again_for_long_is_logged_with_its_reason(
    waited: float, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Once is the normal course of a broker that starts."""
    caplog.set_level(logging.WARNING)
    away = ConnectionError("broker 2 is away")
    note_retry(stamina.instrumentation.RetryDetails("fetch", (), {}, 3, 0.25, waited, away))
    assert caplog.messages == ["fetch is tried again in 0.2 s: broker 2 is away"] * logged


@pytest.mark.parametrize(
    ("error", "logged"), [(ProducerFenced(), False), (UnknownError(), True), (ValueError(), True)]
)
async def test_a_future_that_a_fenced_producer_leaves_is_no_news(
    error: Exception, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Two workers that start at once fence each other; what else nobody waited for is logged."""
    logger = logging.getLogger("asyncio")
    logger.addFilter(is_not_of_a_failed_batch)
    left = asyncio.get_running_loop().create_future()
    left.set_exception(error)
    del left
    gc.collect()
    logger.removeFilter(is_not_of_a_failed_batch)
    assert [bool(record.exc_info) for record in caplog.records] == [True] * logged
