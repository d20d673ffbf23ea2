"""Values and keys that nobody expects in any topic: what reads it goes on, before and after."""

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

DEEP = 100_000
NOON = 1_767_268_800_000

#: Deep texts in each shape that a record may have, what is no text, and what is no JSON.
VALUES = [
    b"[" * DEEP,
    b"[" * DEEP + b"]" * DEEP,
    b'{"id":' * DEEP,
    b'{"subject": "s", "schema": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    b'{"subject": "s", "version": 1, "id": 1, "schema": "' + b"[" * DEEP + b'"}',
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
    """Write each value with each key to each topic; nobody but a worker writes its changelogs."""
    producer = Producer({"bootstrap.servers": market.bootstrap, "linger.ms": 50})
    for topic in AdminClient({"bootstrap.servers": market.bootstrap}).list_topics().topics:
        if topic.startswith("__") or topic.endswith("-changelog"):
            continue
        for value in VALUES:
            for key in KEYS:
                producer.produce(topic, value, key, 0)
            producer.poll(0)
    assert producer.flush(60) == 0


def folds(market: Market, worker: Worker, symbol: str) -> None:
    """Wait until a tick that is sent now is in its window."""
    market.send([tick(symbol, 1.5, NOON)], "ticks")
    until(lambda: worker.get(f"/api/candles/{symbol}?size=5m")[0] == 200, 60)


def test_every_pipeline_goes_on_and_starts_again(market: Market, worker: Worker) -> None:
    """What was written is there for each reader of a topic at each start."""
    folds(market, worker, "BEFORE")
    worker.restart()
    folds(market, worker, "AFTER")
    assert "crashed" not in worker.log
    assert "Traceback" not in worker.log


def test_a_rule_is_published_and_in_force(market: Market, worker: Worker) -> None:
    """Their feed reads what is in the topic of rules first."""
    path = worker.data.parent / f"{market.application}-rules.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as database:
        database.execute(
            "INSERT INTO rules (id, kind, parameters) VALUES ('no', 'block', ?)",
            ['{"category": "casino"}'],
        )

    def known() -> bool:
        status, body = worker.get("/api/rules")
        return status == 200 and body["version"] == 1

    until(known, 60)


async def test_a_schema_is_registered_and_found(http: ClientSession, worker: Worker) -> None:
    """The log of schemas is read on behind what is no entry of it."""
    url = f"{worker.url}/registry/subjects/own-value/versions"
    async with http.post(url, json={"schema": '"string"'}) as answer:
        assert answer.status == 200, await answer.text()
    async with http.get(f"{url}/latest") as answer:
        assert (await answer.json())["schema"] == '"string"'


def branched(letter: str) -> dict[str, str]:
    """Return a schema of 300 branches, which takes a library half a minute to compare."""
    record = {"type": "record", "fields": [{"name": "x", "type": "int"}]}
    branches = [record | {"name": f"{letter}{number}"} for number in range(300)]
    field = {"name": "either", "type": branches}
    return {"schema": json.dumps({"type": "record", "name": "Many", "fields": [field]})}


async def test_schemas_that_take_long_to_compare_are_refused_in_time(
    http: ClientSession, worker: Worker
) -> None:
    """The worker answers others meanwhile, and takes no schema that is too large."""
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


async def test_live_events_reach_who_comes_later(
    http: ClientSession, market: Market, worker: Worker
) -> None:
    """A reader of the topic that the hostile records are in."""
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
    """Each reads what it is for, or says in one line why it can't."""
    done = worker.command(*arguments)
    assert "Traceback" not in done.stdout + done.stderr
