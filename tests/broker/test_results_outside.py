"""Results outside of Kafka while their worker is killed: watched, read, and in SQLite."""

import json
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import truth
from workers import MINUTE, Market, Worker, until

from eventfold.client import Client, ClientError, Gap, Update

OWN = Path(__file__).parents[1] / "own"

VISITS = 3_000
#: Seconds for what a worker does after a restart, on a busy machine.
PATIENCE = 170
#: Number of the visits that are sent until the watch has begun.
BEFORE = -1


@pytest.fixture(scope="module")
def worker(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Run a stream with two sinks, as a static member, which needs not wait for a dead one."""
    worker = market.worker(
        PYTHONPATH=OWN,
        EVENTFOLD_APP_ID=market.application,
        CONSUMER_GROUP_INSTANCE_ID="one",
        SINK_DIRECTORY=tmp_path_factory.mktemp("targets"),
    )
    worker.command_line[2] = "page_sinks"
    with worker:
        yield worker


def send(market: Market, numbers: range | list[int]) -> None:
    """Send visits of ten pages, which are of one minute."""
    now = int(time.time() * 1000) // MINUTE * MINUTE
    visits = ({"page": f"page-{n % 10}", "number": n, "time": now} for n in numbers)
    market.send(((each["page"], json.dumps(each).encode(), now) for each in visits), "visits")


def rows(worker: Worker, file: str, query: str) -> list[Any]:
    """Return the rows of a query of one of the databases; none while it has no table."""
    path = Path(worker.environment["SINK_DIRECTORY"]) / file
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=30)) as opened:
        return opened.execute(query).fetchall()
    return []


@pytest.mark.timeout(600)
def test_watch_and_sinks_have_each_record_once_after_a_kill(market: Market, worker: Worker) -> None:
    """The worker is killed in the middle; half of the records come while it is away."""
    found: list[Update | Gap] = []

    def collect() -> None:
        with suppress(ClientError):
            for item in Client(worker.url).watch("seen"):
                found.append(item)
                if numbers()[VISITS - 1]:
                    return

    def numbers() -> Counter[int]:
        return Counter(each.record["number"] for each in list(found) if isinstance(each, Update))

    watching = threading.Thread(target=collect, daemon=True)
    watching.start()

    def begun() -> bool:
        send(market, [BEFORE])
        return bool(found)

    until(begun, PATIENCE)
    send(market, range(VISITS // 2))
    until(lambda: len(numbers()) > VISITS // 4, PATIENCE)
    worker.kill()
    send(market, range(VISITS // 2, VISITS - 1))
    worker.start()
    until(lambda: len(numbers()) == VISITS, PATIENCE)
    send(market, [VISITS - 1])
    watching.join(PATIENCE)

    assert not any(isinstance(each, Gap) for each in found)
    seen = numbers()
    del seen[BEFORE]
    assert seen == Counter(range(VISITS))

    topic = [json.loads(each.value()) for each in truth.read(market.bootstrap, "seen")]
    expected = Counter(each["number"] for each in topic)
    until(lambda: rows(worker, "seen.db", "SELECT count(*) FROM seen") == [(len(topic),)], PATIENCE)
    assert Counter(n for (n,) in rows(worker, "seen.db", "SELECT number FROM seen")) == expected


@pytest.mark.timeout(600)
def test_read_and_the_sink_of_a_table_have_its_windows(market: Market, worker: Worker) -> None:
    """Each page's windows have all its visits: as a frame, and as rows of the latest revision."""
    topic = [json.loads(each.value()) for each in truth.read(market.bootstrap, "visits")]
    expected = sorted(Counter(each["page"] for each in topic).items())
    assert expected

    def of_frame() -> list[Any]:
        frame = Client(worker.url).read("pages")
        return sorted(frame.group_by("page").sum().select("page", "visits").rows())

    until(lambda: of_frame() == expected, PATIENCE)
    total = "SELECT page, sum(visits) FROM times GROUP BY page ORDER BY page"
    until(lambda: rows(worker, "pages.db", total) == expected, PATIENCE)


def counts(worker: Worker, name: str) -> dict[str, float]:
    """Return a counter of the sinks, by the name of the database or module of their target."""
    metrics = worker.ask("/metrics").body.decode()
    sample = rf'^eventfold_sink_{name}_total\{{target="([^"]*)",.*\}} (.*)$'
    found = re.findall(sample, metrics, re.MULTILINE)
    return {re.split("[:/.]", target)[-2]: float(number) for target, number in found}


@pytest.mark.timeout(600)
def test_sink_whose_target_is_away_fails_beside_the_others_and_goes_on_later(
    market: Market, worker: Worker
) -> None:
    """The tests before have shown that all else went on meanwhile."""
    failures = counts(worker, "failures")
    assert failures.pop("page_sinks") > 0
    assert failures == {"seen": 0, "pages": 0}
    lines = [line for line in worker.log.splitlines() if "[ERROR]" in line]
    assert lines
    assert all("The sink of visits into python:page_sinks.Archive failed" in x for x in lines)
    assert all("the archive is not mounted" in line for line in lines)

    directory = Path(worker.environment["SINK_DIRECTORY"]) / "visits"
    directory.mkdir()
    archive = directory / "archive"
    sent = [each.value() for each in truth.read(market.bootstrap, "visits")]
    until(lambda: archive.exists() and archive.read_bytes().count(b"\n") >= len(sent), PATIENCE)
    assert Counter(archive.read_bytes().splitlines()) == Counter(sent)
    assert min(counts(worker, "records").values()) > 0


def test_worker_with_sinks_stops_cleanly(worker: Worker) -> None:
    """By SIGTERM, in time."""
    errors = worker.log.count("[ERROR]")
    assert worker.stop() == 0
    assert worker.log.count("[ERROR]") == errors
