"""Records that nobody should send to the topics that workers read: oversized, deep, invisible.

Each has to cost a dead letter, or a line of the log, and nothing else.
"""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from confluent_kafka import Producer

#: Levels of JSON nesting, more than a recursive parser survives.
NESTING = 100_000


class Hostile(NamedTuple):
    """A record: topic, key, value."""

    topic: str
    key: bytes
    value: bytes


def hostile_ticks(time: int) -> list[Hostile]:
    """Return invalid ticks (event time in ms): each has to become a dead letter."""
    symbols = [
        *(f"{number:03}" + "x" * 60_000 for number in range(100)),
        *("\x1b[2J\x00\r\n"[number % 6] * 60_000 + str(number) for number in range(10)),
        "K" * 257,
    ]
    values = [
        b"[" * NESTING,
        b'{"symbol":' * (NESTING // 2),
        b'{"symbol": "S1", "price": ' + b"[" * NESTING + b"]" * NESTING + b"}",
        b'{"symbol": "\xff\xfe"}',
        b"9" * 5_000,
        b"\x00" * 500_000,
        b"",
    ]
    return [
        *(_tick(symbol, time) for symbol in symbols),
        *(Hostile("ticks", b"deep", value) for value in values),
        Hostile("ticks", b"\xff\xfe", b"{}"),
    ]


def hostile_records(time: int) -> Iterator[Hostile]:
    """Make records of other topics: transactions, rules, schemas, live events."""
    for number in range(10):
        name = f"{number}" + "i" * 300_000
        place = {"merchant": "m", "category": "c", "country": "DE", "currency": "EUR"}
        payment = {"id": name, "card": "c1", "amount": 1.5, "time": time, **place}
        yield Hostile("transactions", b"c1", json.dumps(payment).encode())
    for topic in "rules", "schemas", "transactions", "surges":
        for value in (
            b"[" * NESTING,
            b'{"id":' * NESTING,
            b'{"subject": "s", "schema": ' + b"[" * NESTING + b"]" * NESTING + b"}",
            b'{"id": "\xff"}',
            b'{"symbol":"A"\n\nevent: forged\ndata: {"forged":true}\n\n}',
        ):
            yield Hostile(topic, b"key", value)


def _tick(symbol: str, time: int) -> Hostile:
    value = {"symbol": symbol, "price": 1.5, "size": 1, "time": time}
    return Hostile("ticks", symbol.encode(), json.dumps(value).encode())


def write(bootstrap: str, records: Iterable[Hostile]) -> int:
    """Write records, wait until they are delivered, return their number."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2", "linger.ms": 5})
    count = 0
    for record in records:
        producer.produce(record.topic, record.value, record.key)
        producer.poll(0)
        count += 1
    assert producer.flush(60) == 0
    return count
