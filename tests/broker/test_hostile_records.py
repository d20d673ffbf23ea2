"""Real partitioners and the real limit of a record: every pair is joined, no worker stops."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import truth
from confluent_kafka import Producer
from msgspec.json import encode
from workers import Market, Worker, until

from app.hotel.records import Arrival, Complaint
from app.shop.records import Click, Search
from eventfold.records.fields import MAX_TEXT

USERS = [f"user-{number:02d}" for number in range(30)]

#: The default partitioner of Java, and that of librdkafka (CRC32).
JAVA, LIBRDKAFKA = "murmur2_random", "consistent_random"


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Run a worker of the pipelines under test."""
    with market.worker(TICKSTREAM_PIPELINES="searches,hotel,beaconing") as running:
        yield running


def produce(market: Market, topic: str, partitioner: str, *records: tuple[bytes, bytes]) -> None:
    """Send keys and values with a partitioner."""
    conf = {"bootstrap.servers": market.bootstrap, "message.max.bytes": 2_000_000}
    producer = Producer(conf | {"partitioner": partitioner})
    for key, value in records:
        producer.produce(topic, value, key)
    assert producer.flush(60) == 0


def written(market: Market, topic: str) -> list[dict[str, Any]]:
    """Return the committed values of a topic."""
    return [json.loads(message.value()) for message in truth.read(market.bootstrap, topic)]


def test_clicks_join_searches_sent_with_another_partitioner(market: Market, worker: Worker) -> None:
    """Searches by murmur2, clicks by CRC32 of the same 30 users: 30 pairs of 30."""
    now = int(time.time() * 1000)
    searches = [(u.encode(), encode(Search(f"s-{u}", u, "tent", now))) for u in USERS]
    clicks = [(u.encode(), encode(Click(f"c-{u}", u, "item", now + 1))) for u in USERS]
    produce(market, "searches", JAVA, *searches)
    produce(market, "clicks", LIBRDKAFKA, *clicks)

    def all_joined() -> bool:
        return len(written(market, "search-clicks")) >= len(USERS)

    until(all_joined)
    assert sorted(each["user"] for each in written(market, "search-clicks")) == USERS
    assert worker.running


def test_oversized_records_are_dead_letters_and_the_worker_goes_on(
    market: Market, worker: Worker
) -> None:
    """Hundreds of long complaints of one guest; a value of almost 1 MiB that is no JSON."""
    now = int(time.time() * 1000)
    complaints = [
        (b"ann", encode(Complaint("ann", f"c{n}", "x" * MAX_TEXT, now + n))) for n in range(300)
    ]
    junk = b"\xff" * 1_048_000
    produce(market, "guest-events", JAVA, *complaints)
    produce(market, "conn-events", JAVA, (b"host", junk))
    produce(market, "guest-events", JAVA, (b"ann", encode(Arrival("ann", "a", now + 500))))

    def dead() -> dict[str, dict[str, Any]]:
        return {each["topic"]: each for each in written(market, "dead-letters")}

    until(lambda: len(dead()) >= 2)
    letters = dead()
    (log,) = (each for topic, each in letters.items() if "guest-log" in topic)
    assert log["error"].startswith("TooLargeError: the row of key b'ann' would have 9")
    value = base64.b64decode(letters["conn-events"]["value"])
    assert junk.startswith(value)
    assert "of 1048000 bytes)" in letters["conn-events"]["error"]

    def arrived() -> bool:
        status, body = worker.get("/api/guests/ann")
        return status == 200 and any(each["id"] == "a" for each in body["open"])

    until(arrived, 60)
    assert worker.running
