"""Input of the benchmarks: ticks of some symbols at equal distances in event time."""

import random

import msgspec
from confluent_kafka import Producer

START = 1_763_000_000_000
MINUTE = 60_000


def fill(
    bootstrap: str,
    topic: str,
    count: int,
    *,
    symbols: int = 500,
    step: float = 10,
    seed: int = 1,
    start: int = START,
) -> None:
    """Write `count` JSON ticks to a topic, keyed by symbol, `step` ms of event time apart."""
    producer = new_producer(bootstrap)
    chance = random.Random(seed)
    names = [f"SYM{number:04d}" for number in range(symbols)]
    prices = dict.fromkeys(names, 150.0)
    encode = msgspec.json.encode
    for number in range(count):
        name = names[chance.randrange(symbols)]
        prices[name] *= 1 + chance.gauss(0, 0.0005)
        tick = {
            "symbol": name,
            "price": round(prices[name], 4),
            "size": chance.randrange(1, 500),
            "time": int(start + number * step),
        }
        producer.produce(topic, value=encode(tick), key=name)
        if number % 10_000 == 0:
            producer.poll(0)
    producer.flush()


def fill_minutes(
    bootstrap: str, topic: str, *, symbols: int, minutes: int, start: int = START
) -> int:
    """Write one tick per symbol and minute from `start` on; return the end of the last (ms)."""
    producer = new_producer(bootstrap)
    first = start - start % MINUTE
    encode = msgspec.json.encode
    for minute in range(minutes):
        for number in range(symbols):
            # Any price, mostly a new one.
            price = 1 + (minute * symbols + number) % 99_991 / 100
            time = first + minute * MINUTE + number % MINUTE
            name = f"SYM{number:04d}"
            tick = {"symbol": name, "price": price, "size": 1 + number % 97, "time": time}
            producer.produce(topic, value=encode(tick), key=name)
        producer.poll(0)
    producer.flush()
    return first + minutes * MINUTE


def new_producer(bootstrap: str) -> Producer:
    """Make a producer that keeps the order of records and loses none."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.messages": 2_000_000,
            "enable.idempotence": True,
            # Don't log retries while a coordinator is loading.
            "log_level": 3,
        }
    )
