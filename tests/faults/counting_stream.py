"""A counting stream with topics of its own on a shared broker, and its expected windows.

The stream is `own/counted.py`.
"""

import json
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import truth
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from workers import MINUTE, Market, Record, Worker, until

OWN = Path(__file__).parent / "own"


class Stream:
    """Events in windows of 2 min by 1 min; topics, table and application are its own."""

    def __init__(self, market: Market, partitions: int = 2) -> None:
        self.market = Market(market.bootstrap, market.directory)
        self.name = f"n{uuid.uuid4().hex[:6]}"
        self.source, self.out = f"{self.name}-in", f"{self.name}-out"
        self.changelog = f"{self.market.application}-{self.name}-changelog"
        self.admin = AdminClient({"bootstrap.servers": market.bootstrap})
        self.first = int(time.time() * 1000) - 60 * MINUTE
        self._environment: dict[str, object] = {
            "NAME": self.name,
            "TICKSTREAM_MODULES": "counted",
            "TICKSTREAM_PIPELINES": "none",
            "PYTHONPATH": OWN,
            "TOPIC_PARTITIONS": partitions,
        }
        self._sums: Counter[tuple[str, int]] = Counter()
        self._counts: Counter[tuple[str, int]] = Counter()

    def worker(self, fault: str = "", **environment: object) -> Worker:
        """Return a worker that has `fault` in its code."""
        return self.market.worker(**self._environment, FAULT=fault, **environment)

    def send(self, count: int, *, poison: bool = False, minute: int = 0) -> None:
        """Send events of ten keys in a minute; one in the middle of the key `poison`."""
        records = []
        for number in range(count):
            key = "poison" if poison and number == count // 2 else f"k{number % 10}"
            at = self.first + minute * MINUTE + number % MINUTE
            records.append(self.event(key, number, at))
        self.market.send(records, self.source)

    def event(self, key: str, value: int, at: int, more: str = "") -> Record:
        """Make an event and note its windows; `more` is the text of an unknown field."""
        last = at // MINUTE * MINUTE
        for start in (last - MINUTE, last):
            self._sums[key, start] += value
            self._counts[key, start] += 1
        body = {"key": key, "value": value, "time": at} | ({"more": more} if more else {})
        return key, json.dumps(body).encode(), int(time.time() * 1000)

    @property
    def expected(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Count and sum of each key and window."""
        return {each: (count, self._sums[each]) for each, count in self._counts.items()}

    def found(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Return count and sum of each key and window in the output, by the highest revision."""
        rows = [
            json.loads(each.value() or b"") for each in truth.read(self.market.bootstrap, self.out)
        ]
        rows.sort(key=lambda row: row["revision"])
        return {(row["key"], row["start"]): (row["count"], row["total"]) for row in rows}

    def records_of(self, topic: str) -> int:
        """Count the records of a topic."""
        return sum(1 for _ in truth.read(self.market.bootstrap, topic))

    def wait_exact(self, timeout: float = 40) -> None:
        """Wait until every window has its expected result. Raises AssertionError."""
        try:
            until(lambda: self.found() == self.expected, timeout)
        except TimeoutError:
            assert self.found() == self.expected

    def configure(self, topic: str, **values: Any) -> None:
        """Set configuration entries of a topic."""
        entries = [
            ConfigEntry(
                name.replace("_", "."),
                str(value),
                incremental_operation=AlterConfigOpType.SET,
            )
            for name, value in values.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(30)

    def delete(self, topic: str) -> None:
        """Delete a topic, and wait until the broker has forgotten it."""
        self.admin.delete_topics([topic])[topic].result(30)
        until(lambda: topic not in self.admin.list_topics(timeout=10).topics)

    def purge(self, topic: str) -> None:
        """Delete all records of a topic."""
        ends = [TopicPartition(topic, number, OFFSET_END) for number in range(self.topics()[topic])]
        for done in self.admin.delete_records(ends).values():
            done.result(30)

    def send_large(self, record: Record) -> None:
        """Send a record of several MB, and wait until it is delivered."""
        producer = Producer(
            {"bootstrap.servers": self.market.bootstrap, "message.max.bytes": 8_000_000}
        )
        key, value, at = record
        producer.produce(self.source, value, key, 0, timestamp=at)
        assert producer.flush(60) == 0

    def topics(self) -> dict[str, int]:
        """Return the number of partitions of each topic."""
        found = self.admin.list_topics(timeout=10).topics
        return {name: len(topic.partitions) for name, topic in found.items()}


def last_log_line(worker: Worker, timeout: float = 60) -> str:
    """Wait until a worker has stopped by itself; return the last line of its log."""
    until(lambda: not worker.running, timeout)
    assert worker.exit_code == 1, worker.tail()
    return worker.tail(1)
