"""Several applications on one broker: each output has one owner, nothing is counted twice."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import truth
from aiohttp import ClientSession
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from msgspec.json import encode
from sse import events
from workers import Market, Record, Worker, refusal, until

from app.settings import Settings
from app.shop.records import Click, Search
from app.transactions.records import Transaction
from eventfold.engine.errors import afresh
from eventfold.kafka.owner_log import claim, read_owners, release
from eventfold.kafka.owners import OwnerError

OWN = Path(__file__).parents[1] / "own"

#: A user's own module, and none of the demonstration's pipelines.
BIKES = {"TICKSTREAM_PIPELINES": "none", "TICKSTREAM_MODULES": "visits", "PYTHONPATH": OWN}
DEMO = {"TICKSTREAM_PIPELINES": "searches,transactions"}
TRANSACTIONS = 50
NOW = int(time.time() * 1000)


def of_user(value: Search | Click) -> Record:
    """Make the record of a search or a click."""
    return value.user, encode(value), NOW


def payment(number: int) -> Record:
    """Make the record of a valid payment."""
    details = "EUR", "shop", "fuel", "DE", NOW
    return "4000", encode(Transaction(f"t{number}", "4000", 5, *details)), NOW


def visit(number: int) -> Record:
    """Make the record of a visit."""
    value = {"page": f"page-{number % 5}", "seconds": 3, "time": NOW}
    return value["page"], json.dumps(value).encode(), NOW


@pytest.fixture(scope="module")
def demo(market: Market) -> Iterator[Worker]:
    """Run an application that has counted two searches, one with a click, and some payments."""
    with market.worker(**DEMO) as worker:
        searches = [Search(f"s{n}", "ada", "bikes", NOW - 1000) for n in (1, 2)]
        market.send(map(of_user, searches), "searches")
        market.send([of_user(Click("c1", "ada", "bike-7", NOW, "s1"))], "clicks")
        market.send(map(payment, range(TRANSACTIONS)), "transactions")
        until(lambda: rates(market) == {(2, 1)})
        until(lambda: sum(verdicts(market).values()) == TRANSACTIONS)
        yield worker


@pytest.fixture
def other(market: Market, tmp_path: Path) -> Market:
    """Return another application on the same broker."""
    return Market(market.bootstrap, tmp_path)


def values(market: Market, topic: str) -> list[dict]:
    """Return the committed values of a topic, none if the topic does not exist."""
    if topic not in topics(market):
        return []
    return [json.loads(each.value()) for each in truth.read(market.bootstrap, topic)]


def rates(market: Market, prefix: str = "") -> set[tuple[int, int]]:
    """Return searches and searches with a click of each window, by the highest revision."""
    found = sorted(values(market, f"{prefix}click-through"), key=lambda each: each["revision"])
    last = {(e["query"], e["size"], e["start"]): (e["searches"], e["clicked"]) for e in found}
    return set(last.values())


def verdicts(market: Market, prefix: str = "") -> Counter[str]:
    """Return how often each transaction was validated or rejected."""
    both = f"{prefix}transactions-validated", f"{prefix}transactions-rejected"
    return Counter(each["id"] for topic in both for each in values(market, topic))


def topics(market: Market) -> set[str]:
    """Return the names of all topics."""
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    return set(admin.list_topics(timeout=10).topics)


def settings(market: Market) -> Settings:
    """Return the settings of an application."""
    return Settings(BROKER_URL=market.bootstrap, TICKSTREAM_APP_ID=market.application)


def owners(market: Market) -> dict[str, str]:
    """Return the owner of each topic that has one."""
    found = asyncio.run(read_owners(settings(market)))
    return {topic: owner.application for topic, owner in found.items()}


async def first_event(worker: Worker) -> str:
    """Return the name of the first live event, by which the dashboard knows it."""
    topic = "transactions-validated"
    async with (
        ClientSession() as http,
        events(http, worker.url, topic, last_id=f"{topic}:0.0.0") as stream,
    ):
        return (await stream.next(topic)).name


def test_second_application_is_rejected_before_it_writes(
    market: Market, demo: Worker, other: Market
) -> None:
    """It would count each search twice: (4, 3) instead of (2, 1)."""
    before = topics(market)
    line = refusal(other.worker(**DEMO))
    assert line.startswith("topics ")
    assert f" belong to application {market.application}: set TICKSTREAM_TOPIC_PREFIX, " in line
    assert topics(market) == before
    assert rates(market) == {(2, 1)}
    assert demo.ready


def test_second_application_with_its_own_topic_prefix_is_exact(
    market: Market, demo: Worker, other: Market
) -> None:
    """It reads the same sources, and writes its own topics, internal ones included."""
    with other.worker(**DEMO, TICKSTREAM_TOPIC_PREFIX="second.") as worker:
        until(lambda: rates(market, "second.") == {(2, 1)})
        until(lambda: sum(verdicts(market, "second.").values()) == TRANSACTIONS)
        assert asyncio.run(first_event(worker)) == "transactions-validated"
        labels = {node["label"] for node in worker.get("/api/topology")[1]["nodes"]}
        assert "transactions-validated" in labels
        assert worker.running
    assert f"second.{other.application}-search-outcomes" in topics(market)
    assert "second.searches" not in topics(market)
    assert rates(market) == {(2, 1)}
    assert set(verdicts(market).values()) == set(verdicts(market, "second.").values()) == {1}
    assert demo.ready
    assert refusal(other.worker(**DEMO, TICKSTREAM_TOPIC_PREFIX="third.")).startswith(
        f"application {other.application} writes its topics with TICKSTREAM_TOPIC_PREFIX=second., "
    )


def test_user_module_writes_only_its_own_topics(
    market: Market, demo: Worker, other: Market
) -> None:
    """No transaction is both validated and rejected; resetting it touches nothing else."""
    with other.worker(**BIKES) as worker:
        market.send([*map(visit, range(50)), ("p", b"no JSON", NOW)], "visits")
        market.send(map(payment, range(TRANSACTIONS, 2 * TRANSACTIONS)), "transactions")
        until(lambda: values(market, "page-times"))
        until(lambda: len(values(market, "dead-letters")) == 1)
        until(lambda: len(verdicts(market)) == 2 * TRANSACTIONS)
    assert set(verdicts(market).values()) == {1}
    assert {t for t, owner in owners(market).items() if owner == other.application} == {
        "page-times",
        "pages-late",
    } & topics(market)

    done = worker.command("reset", "--outputs", "--yes")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "left dead-letters other applications may write it, too" in lines
    assert values(market, "page-times") == []
    assert len(values(market, "dead-letters")) == 1
    assert other.application not in owners(market).values()

    # A reset with all pipelines, none of which it has run.
    stranger = other.worker(**DEMO)
    done = stranger.command("reset", "--outputs", "--yes")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f"left click-through it belongs to application {market.application}" in lines
    assert rates(market) == {(2, 1)}
    assert demo.ready


def test_prefixed_source_without_a_writer_is_rejected(other: Market) -> None:
    """A user's own source has to be declared as external to keep its name under a prefix."""
    own = BIKES | {"TICKSTREAM_MODULES": "streaks"}
    assert refusal(other.worker(**own, TICKSTREAM_TOPIC_PREFIX="x.")) == (
        "topic x.games is read, and nothing here writes it: TICKSTREAM_TOPIC_PREFIX is for "
        "outputs; declare games with external=True, which keeps its name"
    )


def test_one_of_two_applications_started_together_is_rejected(
    market: Market, tmp_path: Path
) -> None:
    """The second one to claim a topic is rejected; the first owns all topics that it writes."""
    both = [Market(market.bootstrap, tmp_path) for _ in range(2)]
    workers = [each.worker(TICKSTREAM_PIPELINES="fraud") for each in both]
    try:
        for worker in workers:
            worker.start(wait=False)
        until(lambda: sum(worker.running for worker in workers) == 1, 60)
        first = next(worker for worker in workers if worker.running)
        first.wait_ready()
        assert owners(market)["alerts"] == first.environment["TICKSTREAM_APP_ID"]
    finally:
        for worker in workers:
            worker.kill()


async def test_concurrent_claims_give_each_topic_one_owner(bootstrap: str) -> None:
    """A rejected claim gets none of its topics."""
    confs = [Settings(BROKER_URL=bootstrap, TICKSTREAM_APP_ID=f"app-{n}") for n in range(5)]
    wanted = [[f"topic-{n}", f"topic-{n + 1}"] for n in range(5)]
    claims = (claim(names, conf) for names, conf in zip(wanted, confs, strict=True))
    results = await asyncio.gather(*claims, return_exceptions=True)
    assert {type(each) for each in results} == {type(None), OwnerError}
    found = {topic: each.application for topic, each in (await read_owners(confs[0])).items()}
    for conf, names, result in zip(confs, wanted, results, strict=True):
        own = [name for name in names if found.get(name) == conf.app_id]
        assert own == (names if result is None else [])


def test_topics_without_a_recorded_owner_belong_to_their_writer(
    market: Market, demo: Worker, other: Market
) -> None:
    """Its changelogs identify the writer; another application is rejected."""
    demo.stop()
    asyncio.run(release(owners(market), settings(market)))
    assert refusal(other.worker(**DEMO)).startswith("topics ")
    assert market.application not in owners(market).values()
    demo.start()
    assert owners(market)["click-through"] == owners(market)["rules"] == market.application


def test_unfolded_internal_topic_of_an_older_version_stops_the_start(
    market: Market, other: Market
) -> None:
    """Its name had no application id; records that were not folded yet would be lost."""
    create(market, "guest-log")
    group = {"bootstrap.servers": market.bootstrap, "group.id": other.application}
    consumer = Consumer(group)
    consumer.commit(offsets=[TopicPartition("guest-log", 0, 7)], asynchronous=False)
    consumer.close()
    assert refusal(other.worker(TICKSTREAM_PIPELINES="hotel")) == (
        f"application {other.application} has read guest-log, which is "
        f"{other.application}-guest-log since this version: {afresh(Settings())}"
    )


def test_existing_changelog_without_compaction_stops_the_start(
    other: Market,
) -> None:
    """Before any row could be lost."""
    changelog = f"{other.application}-fraud-changelog"
    create(other, changelog)
    worker = other.worker(TICKSTREAM_PIPELINES="fraud")
    refusal(worker)
    assert f"topic {changelog} has cleanup.policy=delete, by which rows" in worker.log


def create(market: Market, name: str) -> None:
    """Create a topic with the broker's defaults."""
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    admin.create_topics([NewTopic(name, 3, 1)])[name].result(30)
