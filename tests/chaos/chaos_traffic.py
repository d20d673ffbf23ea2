"""Input and output of a run: steady feeds, and a reader of all results."""

import json
import time
from collections.abc import Iterable
from itertools import islice
from threading import Event, Lock, Thread
from typing import Any

import stamina
import truth
from chaos_check import OUTPUTS, RANKINGS, Record
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from patience import PATIENCE

#: Seconds between two checks of the clock.
TICK = 0.01


#: Topic, key and value of a record.
Sent = tuple[str, str | bytes | None, bytes | None]


class Feed(Thread):
    """Send records at a steady rate (records/s), in order, also while brokers are down."""

    def __init__(self, bootstrap: str, records: Iterable[Sent], rate: float) -> None:
        super().__init__(name="feed", daemon=True)
        self._records = iter(records)
        self._rate = rate
        self._halt = Event()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2",
                "linger.ms": 5,
                # The input itself loses or duplicates no record.
                "enable.idempotence": True,
                "queue.buffering.max.messages": 1_000_000,
                "on_delivery": self._delivered,
                "delivery.report.only.error": True,
                "log_level": 0,
                **PATIENCE,
            }
        )
        self.sent = 0
        self.errors: list[str] = []

    def run(self) -> None:
        """Send, then wait until all is in."""
        begun = time.monotonic()
        while not self._halt.wait(TICK):
            due = int((time.monotonic() - begun) * self._rate) - self.sent
            records = list(islice(self._records, max(0, due)))
            for topic, key, value in records:
                self._producer.produce(topic, value, key)
            self.sent += len(records)
            self._producer.poll(0)
            if len(records) < due:
                break
        left = self._producer.flush(60)
        if left:
            self.errors.append(f"{left} records not delivered")

    def end(self) -> None:
        """End early."""
        self._halt.set()
        if self.is_alive():
            self.join()

    def _delivered(self, error: object, _message: Message) -> None:
        if error is not None:
            self.errors.append(str(error))


class Reader(Thread):
    """Read all results as they are committed, and keep them in order."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(name="reader", daemon=True)
        self._halt = Event()
        self._lock = Lock()
        self.errors: list[str] = []
        self._seen: dict[str, list[Record]] = {topic: [] for topic in OUTPUTS}
        self._revisions: dict[tuple[Any, ...], int] = {}
        #: By day: the offset of its last gain, the revision of its last ranking.
        self._gains: dict[str, int] = {}
        self._rankings: dict[str, dict[str, int]] = {topic: {} for topic in RANKINGS}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "chaos",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                # A record that is gone is an error, not a reason to start over.
                "auto.offset.reset": "error",
                "log_level": 0,
                **PATIENCE,
            }
        )

    def run(self) -> None:
        """Read until it is ended."""
        self._consumer.assign(self._beginnings())
        while not self._halt.is_set():
            for message in self._consumer.consume(5_000, timeout=0.1):
                error = message.error()
                if error is None:
                    self._keep(message)
                elif not error.retriable():
                    self.errors.append(str(error))
        self._consumer.close()

    def end(self) -> dict[str, list[Record]]:
        """Stop reading; return what was seen by topic, each partition in order."""
        self._halt.set()
        self.join()
        return self._seen

    def revisions(self) -> dict[tuple[Any, ...], int]:
        """Return the highest revision of each window so far."""
        with self._lock:
            return dict(self._revisions)

    def count(self, topic: str) -> int:
        """Return how many records of a topic have been seen."""
        return len(self._seen[topic])

    def all_ranked(self) -> bool:
        """Return whether each day's last gain is in its last ranking."""
        with self._lock:
            return all(self._rankings[topic] == self._gains for topic in RANKINGS)

    @stamina.retry(on=KafkaException, timeout=20, attempts=None, wait_initial=0.05)
    def _beginnings(self) -> list[TopicPartition]:
        topics = self._consumer.list_topics(timeout=10).topics
        return [
            TopicPartition(topic, number, 0)
            for topic in OUTPUTS
            for number in topics[topic].partitions
        ]

    def _keep(self, message: Message) -> None:
        record = record_of(message)
        topic = str(message.topic())
        self._seen[topic].append(record)
        with self._lock:
            if topic == "candles":
                candle = record.json
                window = tuple(candle[name] for name in truth.WINDOW)
                known = self._revisions.get(window, -1)
                self._revisions[window] = max(known, candle["revision"])
            elif topic == "daily-gains":
                self._gains[record.json["day"]] = record.offset
            elif topic in RANKINGS:
                self._rankings[topic][record.json["day"]] = record.json["revision"]


def record_of(message: Message) -> Record:
    """Convert a message to a record."""
    return Record(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(message.headers() or ()),
    )


def read(bootstrap: str, topic: str) -> list[Record]:
    """Return all committed records of a topic, each partition in order."""
    return [record_of(message) for message in truth.read(bootstrap, topic)]


def dump(records: Iterable[Record]) -> str:
    """Format records as lines of JSON, for people to read."""
    return "".join(
        json.dumps(
            {
                "partition": each.partition,
                "offset": each.offset,
                "timestamp": each.timestamp,
                "key": None if each.key is None else each.key.decode(errors="replace"),
                "value": None if each.value is None else each.value.decode(errors="replace"),
                "headers": {name: value.decode() for name, value in each.headers},
            }
        )
        + "\n"
        for each in records
    )
