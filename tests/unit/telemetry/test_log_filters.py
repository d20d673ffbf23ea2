"""Log filters: the log stays readable while a broker is away."""

import asyncio
import gc
import logging

import pytest
import stamina
from aiokafka.errors import ProducerFenced, UnknownError

from eventfold.telemetry.log_filters import (
    NORMAL,
    PAUSE,
    RepeatFilter,
    is_no_leftover_of_failed_batch,
    log_retry,
)


def record(level: int, message: str, *filled_in: object) -> logging.LogRecord:
    """Return a log record as a logger passes it to its filters."""
    return logging.LogRecord("aiokafka", level, __file__, 1, message, filled_in, None)


def test_repeated_warning_is_logged_once_whatever_its_arguments() -> None:
    """The same text for another node is the same warning; another text is not."""
    repeats = RepeatFilter()
    passed = [repeats.filter(record(logging.ERROR, "no node %s", number)) for number in range(100)]
    assert passed == [True] + [False] * 99
    assert repeats.filter(record(logging.ERROR, "no coordinator"))


def test_repeated_warning_is_logged_again_after_a_pause_with_its_count() -> None:
    """The number of suppressed ones follows the text."""
    repeats = RepeatFilter()
    for number in range(3):
        repeats.filter(record(logging.WARNING, "no node %s", number))
    repeats.logged = {message: at - PAUSE for message, at in repeats.logged.items()}
    again = record(logging.WARNING, "no node %s", 7)
    assert repeats.filter(again)
    assert again.getMessage() == "no node 7 (and 2 times before)"


def test_information_is_logged_each_time() -> None:
    """Only warnings and errors are filtered."""
    repeats = RepeatFilter()
    assert all(repeats.filter(record(logging.INFO, "joined %s", n)) for n in range(3))


@pytest.mark.parametrize(("waited", "logged"), [(NORMAL, False), (NORMAL + 0.1, True)])
def test_long_retry_is_logged_with_its_reason(
    waited: float,
    logged: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A short one is normal while a broker starts."""
    # Retries of other tests in this process would count as repetitions.
    monkeypatch.setattr(logging.getLogger(log_retry.__module__), "filters", [])
    caplog.set_level(logging.WARNING)
    away = ConnectionError("broker 2 is away")
    log_retry(stamina.instrumentation.RetryDetails("fetch", (), {}, 3, 0.25, waited, away))
    assert caplog.messages == ["fetch is tried again in 0.2 s: broker 2 is away"] * logged


@pytest.mark.parametrize(
    ("error", "logged"), [(ProducerFenced(), False), (UnknownError(), True), (ValueError(), True)]
)
async def test_future_left_by_a_fenced_producer_is_not_logged(
    error: Exception, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Workers that start at once fence each other; other unretrieved errors are logged."""
    logger = logging.getLogger("asyncio")
    logger.addFilter(is_no_leftover_of_failed_batch)
    left = asyncio.get_running_loop().create_future()
    left.set_exception(error)
    del left
    gc.collect()
    logger.removeFilter(is_no_leftover_of_failed_batch)
    assert [bool(record.exc_info) for record in caplog.records] == [True] * logged
