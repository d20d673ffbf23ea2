"""The input of the benchmarks: ticks of some symbols, evenly apart in event time."""

import random

import msgspec
from confluent_kafka import Producer

START = 1_763_000_000_000


def fill(
    bootstrap: str, topic: str, count: int, *, symbols: int = 500, step: int = 10, seed: int = 1
) -> None:
    """Write `count` JSON ticks to a topic, keyed by symbol, `step` ms of event time apart."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.messages": 2_000_000,
        }
    )
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
            "time": START + number * step,
        }
        producer.produce(topic, value=encode(tick), key=name)
        if number % 10_000 == 0:
            producer.poll(0)
    producer.flush()
