"""Lines of the log for programs: one JSON object each, whatever is logged."""

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


def test_a_line_says_when_how_bad_who_and_what() -> None:
    """In this order, the time in UTC."""
    said = line("joined %s", 7)
    assert list(said) == ["time", "level", "logger", "message"]
    assert datetime.fromisoformat(said["time"]).utcoffset() is not None
    assert said["time"].endswith("Z")
    assert (said["level"], said["logger"], said["message"]) == ("WARNING", "a.b", "joined 7")


def test_facts_are_fields() -> None:
    """Those of the line itself, and those of what it is said about; the line's own hold."""
    with speaking_of({"task": "ticks-3", "topic": "ticks", "partition": 3}):
        said = line("runs", offset=17, partition=4)
    assert (said["task"], said["topic"], said["partition"], said["offset"]) == (
        *("ticks-3", "ticks"),
        *(4, 17),
    )
    assert "task" not in line("elsewhere")


async def test_what_is_begun_in_a_context_speaks_of_the_same() -> None:
    """Such as the Kafka client of a task, whose coroutines run beside it."""

    async def speak() -> dict[str, Any]:
        return line("sent")

    with speaking_of({"task": "ticks-3"}):
        client = asyncio.create_task(speak())
    assert (await client)["task"] == "ticks-3"


def test_an_exception_is_part_of_its_line() -> None:
    """With its traceback, line breaks escaped."""
    try:
        int("one\ntwo")
    except ValueError:
        said = line("failed", exc_info=sys.exc_info())
    assert said["message"] == "failed"
    assert said["exception"].startswith("Traceback")
    assert "ValueError: invalid literal" in said["exception"]


@pytest.mark.parametrize("odd", [object(), {1, 2}, b"\xff", "\udcff", 2**70, float("nan"), {}])
def test_nothing_that_is_said_breaks_a_line(odd: object) -> None:
    """Values that JSON has no word for are put into one."""
    assert line("odd: %s", odd, found=odd)["message"].startswith("odd: ")
