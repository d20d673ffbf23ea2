"""Unexpected keys and values in every topic: all readers go on, also after a restart."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
from aiohttp import ClientSession
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from sse import events
from workers import Market, Worker, tick, until

NESTING = 100_000
NOON = 1_767_268_800_000

#: Deeply nested texts in each shape of a record, bytes that are no text, texts that are no JSON.
VALUES = [
    b"[" * NESTING,
    b"[" * NESTING + b"]" * NESTING,
    b'{"id":' * NESTING,
    b'{"subject": "s", "schema": ' + b"[" * NESTING + b"]" * NESTING + b"}",
    b'{"subject": "s", "version": 1, "id": 1, "schema": "' + b"[" * NESTING + b'"}',
    b'{"topic": "\xff"}',
    b"9" * 5_000,
    b"",
    b"null",
]
KEYS = [b"key", b"\xff\xfe", b"", None]


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Run a worker of all pipelines, and write hostile records to all topics but changelogs."""
    with market.worker() as running:
        flood(market)
        yield running


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """Return a client."""
    async with ClientSession() as session:
        yield session


def flood(market: Market) -> None:
    """Write each value with each key to each topic but changelogs, which only a worker writes."""
    producer = Producer({"bootstrap.servers": market.bootstrap, "linger.ms": 50})
    for topic in AdminClient({"bootstrap.servers": market.bootstrap}).list_topics().topics:
        if topic.startswith("__") or topic.endswith("-changelog"):
            continue
        for value in VALUES:
            for key in KEYS:
                producer.produce(topic, value, key, 0)
            producer.poll(0)
    assert producer.flush(60) == 0


def wait_folded(market: Market, worker: Worker, symbol: str) -> None:
    """Wait until a tick that is sent now is in its window."""
    market.send([tick(symbol, 1.5, NOON)], "ticks")
    until(lambda: worker.get(f"/api/candles/{symbol}?size=5m")[0] == 200, 60)


def test_all_pipelines_survive_unexpected_values_and_a_restart(
    market: Market, worker: Worker
) -> None:
    """After the restart the unexpected records are read again."""
    wait_folded(market, worker, "BEFORE")
    worker.restart()
    wait_folded(market, worker, "AFTER")
    assert "crashed" not in worker.log
    assert "Traceback" not in worker.log


def test_new_rule_takes_effect_despite_unexpected_values(market: Market, worker: Worker) -> None:
    """The feed of rules reads the unexpected records of its topic first."""
    path = worker.data.parent / f"{market.application}-rules.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as database:
        database.execute(
            "INSERT INTO rules (id, kind, parameters) VALUES ('no', 'block', ?)",
            ['{"category": "casino"}'],
        )

    def is_known() -> bool:
        status, body = worker.get("/api/rules")
        return status == 200 and body["version"] == 1

    until(is_known, 60)


async def test_schema_can_be_registered_despite_unexpected_values(
    http: ClientSession, worker: Worker
) -> None:
    """The schema log is read past records that are no entries."""
    url = f"{worker.url}/registry/subjects/own-value/versions"
    async with http.post(url, json={"schema": '"string"'}) as answer:
        assert answer.status == 200, await answer.text()
    async with http.get(f"{url}/latest") as answer:
        assert (await answer.json())["schema"] == '"string"'


def branched(letter: str) -> dict[str, str]:
    """Return a schema of 780 branches, which takes a library most of a minute to compare."""
    record = {"type": "record", "fields": [{"name": "x", "type": "int"}]}
    branches = [record | {"name": f"{letter}{number}"} for number in range(780)]
    field = {"name": "either", "type": branches}
    return {"schema": json.dumps({"type": "record", "name": "Many", "fields": [field]})}


async def test_expensive_schema_comparison_is_rejected_in_time(
    http: ClientSession, worker: Worker
) -> None:
    """The worker answers others meanwhile, and rejects a schema that is too large."""
    url = f"{worker.url}/registry/subjects/many-value/versions"
    async with http.post(url, json=branched("a")) as answer:
        assert answer.status == 200, await answer.text()
    comparing = asyncio.create_task(http.post(url, json=branched("b")))
    answered = 0
    while not comparing.done():
        async with http.get(f"{worker.url}/healthz") as answer:
            assert answer.status == 200
        answered += 1
        await asyncio.wait({comparing}, timeout=0.05)  # within the limit of requests a second
    async with await comparing as answer:
        assert answer.status == 422
        assert "fewer branches" in await answer.text()
    assert answered > 50
    async with http.post(url, json={"schema": json.dumps("x" * 70_000)}) as answer:
        assert answer.status == 422
        assert "more than 65,536" in await answer.text()


async def test_live_events_reach_a_later_reader(
    http: ClientSession, market: Market, worker: Worker
) -> None:
    """It reads a topic that has unexpected records."""
    async with events(http, worker.url, "candles:LATER:5m") as stream:
        await stream.next("start")
        market.send([tick("LATER", 2.5, NOON)], "ticks")
        assert (await stream.next("candles")).data["symbol"] == "LATER"


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics"],
        ["lateness"],
        ["rules"],
        ["top", "--json", "--once"],
        ["consume", "--topic", "ticks", "--until-end", "--output", "/dev/null"],
    ],
)
def test_no_command_ends_with_a_traceback(worker: Worker, arguments: list[str]) -> None:
    """Each prints its result, or one line that explains why there is none."""
    done = worker.command(*arguments)
    assert "Traceback" not in done.stdout + done.stderr
