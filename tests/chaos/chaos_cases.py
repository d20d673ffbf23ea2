"""Records of all pipelines but the market's, drawn from the seed of a run."""

import random
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path

from app.shop.records import Click, Profile, Search
from app.shop.topics import PROFILES
from app.simulations import simulation
from eventfold.connectors.simulations import Sent

#: Records of each simulation.
EACH = 800

#: Records of each in a second of event time: few cards and machines, with long histories.
RATE = 1.5

HOUR = 3_600_000

#: How many transactions of a card are kept.
MOST = 150

#: A record that ends a run.
Mark = Search | Click | Profile


def settings(directory: Path) -> dict[str, object]:
    """Return the settings of all workers of a run."""
    return {
        # All pipelines with six are sixty tasks, too many for the workers of one small machine.
        # A third and fourth worker have nothing to do, for longer than this (s).
        "TOPIC_PARTITIONS": 2,
        "BROKER_MAX_POLL_INTERVAL": 15,
        "TICKSTREAM_RULES_URL": f"sqlite:///{directory / 'rules.db'}",
        "TICKSTREAM_TRANSACTION_MOST": MOST,
        "TICKSTREAM_PROFILE_GRACE": "30s",
        "TICKSTREAM_SEARCH_JOIN": "outer",
        "TICKSTREAM_SEARCH_AFTER": "2m",
        "TICKSTREAM_SEARCH_BEFORE": "5s",
        # In whatever order both inputs are read, no record is late, and all of them wait.
        "TICKSTREAM_SEARCH_GRACE": "72h",
        "TICKSTREAM_SEARCH_MOST": 100_000,
    }


def records(seed: int, now: int) -> list[tuple[str, bytes | None, bytes | None]]:
    """Return topic, key and value of each record in the order they are sent; `now` in ms.

    The last event is an hour old or more.
    """
    start = now - 80 * HOUR
    made: list[Sent] = []
    for name in ("connections", "payments", "machines", "guests", "logs", "transactions"):
        made += islice(simulation(name).make(seed, RATE, start), EACH)
    made += islice(_visits(seed, start), EACH)
    return [(topic.base_name, key, value) for topic, (key, value, _) in sorted(made, key=_time)]


def _visits(seed: int, start: int) -> Iterator[Sent]:
    draw = random.Random(f"visits {seed}")
    for topic, record in simulation("shop").make(seed, RATE, start):
        yield topic, record
        if topic is PROFILES and draw.random() < 0.05:
            yield PROFILES, (record[0], None, record[2])  # a tombstone


def _time(sent: Sent) -> int:
    return itemgetter(2)(sent[1])


def marks(now: int) -> tuple[list[Search | Click], list[Profile]]:
    """Return records that close all open joins, in two batches: half of the clicks get profiles.

    Their form is that of tests/patterns/shop_check.py.
    """
    at = now - HOUR
    numbers = range(24)
    return (
        [
            *(Search(f"m{n}", f"mark-{n}", f"mark {n}", at) for n in numbers),
            *(Click(f"m{n}", f"end-{n}", "mark", at) for n in numbers),
        ],
        [Profile(f"end-{n}", "gold", "DE", at) for n in range(12)],
    )
