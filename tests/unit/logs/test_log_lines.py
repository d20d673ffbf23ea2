"""Lines of logs in any form: their severity in numbers and words, and their other fields."""

import json
from typing import Any

import pytest

from app.logs.lines import Router, read_line
from app.logs.records import LogLine
from app.logs.severity import parse_severity
from app.logs.topics import LOGS_BY_CLASS

NOW = 1_770_000_000_000


class RecordingCollector:
    """A collector that keeps the lines sent."""

    partition, offset, time = 0, 0, NOW

    def __init__(self) -> None:
        self.lines: list[tuple[str, LogLine]] = []

    def send(self, record: LogLine, *, to: Any = None, partition: int | None = None) -> None:
        """Keep it."""
        del partition
        self.lines.append((to.base_name, record))


def routed_line(value: bytes) -> tuple[str, LogLine]:
    """Route a line; return its destination and the record sent."""
    sent = RecordingCollector()
    Router(LOGS_BY_CLASS)(read_line(value), sent)
    (found,) = sent.lines
    return found


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ([0, 1, 2, "0", "emerg", "PANIC", "Alert", "crit", "Critical", "FATAL"], "logs-critical"),
        ([3, "3", "err", "error", "ERROR", "SEVERE", " error "], "logs-error"),
        ([4, "warn", "Warning", "WARN"], "logs-warning"),
        ([5, 6, 7, "notice", "info", "Information", "DEBUG", "trace", "FINEST"], "logs-info"),
    ],
)
def test_severity_as_number_or_word_selects_the_topic(words: list[Any], topic: str) -> None:
    """In upper or lower case, in any of the usual fields; debug goes to the topic of info."""
    for word in words:
        for form in ({"level": word}, {"severity": word}, {"log": {"level": word}}):
            assert routed_line(json.dumps(form).encode())[0] == topic
    assert parse_severity("Debug") == 7


@pytest.mark.parametrize("given", [8, -1, 30, 2.0, True, None, "", "so-so", "12", "²", [3]])
def test_unknown_severity_is_rejected(given: Any) -> None:
    """Other scales of numbers too: 30 is a warning to one logger and information to another."""
    with pytest.raises(ValueError, match="is no severity"):
        read_line(json.dumps({"level": given}).encode())


def test_known_fields_are_extracted_and_the_rest_is_kept() -> None:
    """By the names that several loggers use; the rest is in `fields`."""
    value = {
        "@timestamp": "2026-01-31T14:30:00.250Z",
        "log.level": "error",
        "message": "no answer",
        "service": {"name": "billing"},
        "host": {"name": "node-3"},
        "trace": {"id": "c0ffee"},
    }
    assert routed_line(json.dumps(value).encode()) == (
        "logs-error",
        LogLine(
            *(3, "node-3", "billing", "no answer", 1_769_869_800_250, "json"),
            fields={"service": {}, "host": {}, "trace": {"id": "c0ffee"}},
        ),
    )


@pytest.mark.parametrize(
    ("given", "time"),
    [
        (1_769_869_800, 1_769_869_800_000),
        (1_769_869_800.25, 1_769_869_800_250),
        (1_769_869_800_250, 1_769_869_800_250),
        (1_769_869_800_250_000, 1_769_869_800_250),
        (1_769_869_800_250_000_000, 1_769_869_800_250),
        ("2026-01-31T15:30:00.250+01:00", 1_769_869_800_250),
        ("2026-01-31 14:30:00.250", 1_769_869_800_250),
        ("yesterday", NOW),
        (None, NOW),
        (5, NOW),
    ],
)
def test_times_are_read_in_many_units(given: Any, time: int) -> None:
    """Seconds, ms, µs, ns by their magnitude; Kafka's timestamp replaces an invalid time."""
    assert routed_line(json.dumps({"level": 3, "ts": given}).encode())[1].time == time


def test_a_syslog_line_is_routed_by_its_priority() -> None:
    """A time without a year is that nearest to Kafka's; bytes that are no UTF-8 are replaced."""
    topic, line = routed_line(b"<165>Feb  2 02:40:01 node-1 kernel: caf\xe9\n")
    assert topic == "logs-info"
    assert (line.severity, line.facility, line.host, line.app) == (5, 20, "node-1", "kernel")
    assert line.message == "caf\ufffd"
    assert line.time == 1_770_000_001_000
    topic, line = routed_line(b"<8>1 - - - - - - the house is on fire")
    assert (topic, line.time, line.form) == ("logs-critical", NOW, "rfc5424")


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[1]", b'{"level": "info"', b'{"message": "m"}', b"text", b"[" * 9999]
)
def test_line_without_a_severity_is_rejected(value: bytes) -> None:
    """It becomes a dead letter: its severity is not guessed."""
    with pytest.raises(ValueError, match=r"\w+"):
        read_line(value)
