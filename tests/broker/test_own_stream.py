"""User-defined streams: one module each, named in TICKSTREAM_MODULES, run by a real worker.

The modules are those of `tests/own/`, as docs/streams.md has it.
"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import new_topics
import pytest
import truth
from workers import MINUTE, Market, Record, Worker, until

OWN = Path(__file__).parents[1] / "own"

#: The window of `visits.py`.
SIZE, ADVANCE = 5 * MINUTE, MINUTE

VISITS = 5_000
ORDERS = 500


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Run a worker with both modules, beside the product's own pipelines."""
    for topic in "orders", "large-orders":
        new_topics.create(market.bootstrap, topic)
    with market.worker(TICKSTREAM_MODULES="visits,orders", PYTHONPATH=OWN) as running:
        yield running


def records(market: Market, topic: str) -> list[dict[str, Any]]:
    """Return the decoded values of a topic, partition by partition."""
    return [json.loads(message.value()) for message in truth.read(market.bootstrap, topic)]


def visits() -> list[dict[str, Any]]:
    """Make visits of ten pages over half an hour, up to 30 s out of order."""
    chance = random.Random(1)
    first = int(time.time() * 1000) - 30 * MINUTE
    step = 30 * MINUTE / VISITS
    return [
        {
            "page": f"page-{chance.randrange(10)}",
            "seconds": chance.randrange(600),
            "time": int(first + number * step - chance.randrange(30_000)),
        }
        for number in range(VISITS)
    ]


def as_record(value: dict[str, Any], key: str) -> Record:
    """Make the record of a value, sent now."""
    return value[key], json.dumps(value).encode(), int(time.time() * 1000)


def windows(made: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[int, int, float]]:
    """Compute visits, longest and mean of each page and window by a naive loop."""
    seconds: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for visit in made:
        last = visit["time"] // ADVANCE * ADVANCE
        for start in range(last - SIZE + ADVANCE, last + 1, ADVANCE):
            seconds[visit["page"], start].append(visit["seconds"])
    return {each: (len(s), max(s), sum(s) / len(s)) for each, s in seconds.items()}


def test_windows_of_a_user_defined_aggregate_are_right(market: Market, worker: Worker) -> None:
    """Every window equals a computation from the visits sent, across a restart of the worker."""
    made = visits()
    half = VISITS // 2
    market.send((as_record(each, "page") for each in made[:half]), "visits")
    until(lambda: records(market, "page-times"))
    worker.restart()
    market.send((as_record(each, "page") for each in made[half:]), "visits")

    def latest() -> dict[tuple[str, int], tuple[int, int, float]]:
        found = sorted(records(market, "page-times"), key=lambda each: each["revision"])
        return {(e["page"], e["start"]): (e["visits"], e["longest"], e["mean"]) for e in found}

    expected = windows(made)
    until(lambda: latest() == expected)

    status, rows = worker.get("/api/tables/pages/page-3")
    assert status == 200
    newest = max(start for page, start in expected if page == "page-3")
    row = next(row for row in rows if row["start"] == newest)
    assert (row["visits"], row["longest"], row["mean"]) == expected["page-3", newest]


def test_plain_faust_agent_works_beside_batch_agents(market: Market, worker: Worker) -> None:
    """Each large order is passed on with its key, in order; no other is."""
    made = [{"item": f"item-{n % 7}", "cents": n * 100} for n in range(ORDERS)]
    market.send((as_record(each, "item") for each in made), "orders")
    large = [each for each in made if each["cents"] >= 100_00]
    until(lambda: len(records(market, "large-orders")) >= len(large))

    found: defaultdict[str, list[int]] = defaultdict(list)
    for message in truth.read(market.bootstrap, "large-orders"):
        order = json.loads(message.value())
        assert message.key().decode() == order["item"]
        found[order["item"]].append(order["cents"])
    assert found == {
        item: [each["cents"] for each in large if each["item"] == item]
        for item in {each["item"] for each in large}
    }
    assert worker.ready
