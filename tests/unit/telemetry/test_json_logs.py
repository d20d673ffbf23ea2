"""Log lines in JSON: one object each, whatever is logged."""

import asyncio
import json
import logging
import sys
from datetime import datetime
from typing import Any

import pytest

from eventfold.telemetry.logs import JsonLine, speaking_of


def line(message: str, *filled_in: object, **record: Any) -> dict[str, Any]:
    """Return the fields of a log line in JSON."""
    logger = logging.getLogger("a.b")
    made = logger.makeRecord(
        *(logger.name, logging.WARNING, __file__, 1, message, filled_in),
        record.pop("exc_info", None),
        extra=record,
    )
    text = JsonLine().format(made)
    assert "\n" not in text
    fields: dict[str, Any] = json.loads(text)
    return fields


def test_line_has_time_level_logger_and_message() -> None:
    """In this order, the time in UTC."""
    logged = line("joined %s", 7)
    assert list(logged) == ["time", "level", "logger", "message"]
    assert datetime.fromisoformat(logged["time"]).utcoffset() is not None
    assert logged["time"].endswith("Z")
    assert (logged["level"], logged["logger"], logged["message"]) == ("WARNING", "a.b", "joined 7")


def test_extra_values_and_those_of_the_context_are_fields() -> None:
    """Extra values of the line override those of its context."""
    with speaking_of({"task": "ticks-3", "topic": "ticks", "partition": 3}):
        logged = line("runs", offset=17, partition=4)
    assert (logged["task"], logged["topic"], logged["partition"], logged["offset"]) == (
        *("ticks-3", "ticks"),
        *(4, 17),
    )
    assert "task" not in line("elsewhere")


async def test_task_started_in_a_context_logs_the_fields_of_the_context() -> None:
    """Such as the Kafka client of a task, whose coroutines run beside it."""

    async def log_a_line() -> dict[str, Any]:
        return line("sent")

    with speaking_of({"task": "ticks-3"}):
        client = asyncio.create_task(log_a_line())
    assert (await client)["task"] == "ticks-3"


def test_an_exception_is_part_of_its_line() -> None:
    """With its traceback, line breaks escaped."""
    try:
        int("one\ntwo")
    except ValueError:
        logged = line("failed", exc_info=sys.exc_info())
    assert logged["message"] == "failed"
    assert logged["exception"].startswith("Traceback")
    assert "ValueError: invalid literal" in logged["exception"]


@pytest.mark.parametrize("odd", [object(), {1, 2}, b"\xff", "\udcff", 2**70, float("nan"), {}])
def test_values_that_json_can_not_encode_break_no_line(odd: object) -> None:
    """They are logged as text."""
    assert line("odd: %s", odd, found=odd)["message"].startswith("odd: ")
