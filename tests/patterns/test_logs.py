"""logs -> logs-critical, logs-error, logs-warning, logs-info: each line once, by its severity."""

import json
import re
import time
from itertools import islice

import truth
from crash_run import RECORDS, crash_run
from workers import Market

from app.sources import logs
from app.sources.registry import SIMULATIONS
from app.topics import LOGS_BY_CLASS

CLASSES = ("critical", "critical", "critical", "error", "warning", "info", "info", "info")


def severity(line: bytes) -> int | None:
    """Give the severity of a simulated line, as somebody would who knows how they are made."""
    if found := re.match(rb"<(\d+)>(?:1 (?:\S+ ){5}[-\[]|[A-Z][a-z]{2} )", line):
        return int(found[1]) % 8 if int(found[1]) < 192 else None
    try:
        value = json.loads(line)
        level = value.get("severity", value.get("level", value.get("log", {}).get("level")))
        if isinstance(level, int):
            return level
        (number,) = {
            words.split().index(level) for words in logs._WORDS.values() if level in words.split()
        }
    except (ValueError, AttributeError):
        return None
    return number


def test_each_line_is_where_its_severity_says_once(market: Market, monkeypatch) -> None:
    """So too after a crash; what can't be read is a dead letter, and nothing is lost."""
    monkeypatch.setattr(logs, "BROKEN", 0.01)
    start = int(time.time() * 1000) - 10 * RECORDS
    sent = list(islice(SIMULATIONS["logs"].make(11, 100, start), RECORDS))
    topics = [topic.name for topic in LOGS_BY_CLASS.values()]
    run = crash_run(market, "logs", sent, outputs=[*topics, "dead-letters"])

    expected: dict[str, dict[str, int | None]] = {name: {} for name in [*topics, "dead-letters"]}
    for message in truth.read(market.bootstrap, "logs"):
        found = severity(message.value())
        name = "dead-letters" if found is None else f"logs-{CLASSES[found]}"
        expected[name][f"logs-{message.partition()}-{message.offset()}"] = found
    assert sum(map(len, expected.values())) == RECORDS
    assert all(expected.values())
    for name in topics:
        lines = run.outputs[name]
        assert {each.source: each.value["severity"] for each in lines} == expected[name]
        assert len(lines) == len(expected[name])
        assert all(each.value["message"] == logs._SAID[each.value["severity"]] for each in lines)
        assert all(each.value["host"] == each.key for each in lines)
    letters = [each.source for each in run.outputs["dead-letters"]]
    assert sorted(letters) == sorted(expected["dead-letters"])
