"""The visits of docs/coming-from.md in four frameworks: the same input, the same counts.

A stream runs as the page shows it but for the broker's address, which is the test's. Those of other
frameworks run in their own environments (`make peers`).
"""

import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import new_topics
import pytest
import truth
from workers import MINUTE, REPOSITORY, Market, delete_topics, until

from bench.peers.environments import installed
from eventfold.embedded import ports

PAGE = (REPOSITORY / "docs" / "coming-from.md").read_text(encoding="utf-8")
OURS, FAUST, QUIX, BYTEWAX = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)

SIZE = 5 * MINUTE
WINDOWS = 4
BEGIN = int(time.time() * 1000) // SIZE * SIZE - 6 * SIZE
#: The visits that close the windows are later than this; their own windows may stay open.
END = BEGIN + WINDOWS * SIZE

PAGES = [f"/{number}" for number in range(7)]
PARTITIONS = 2
SECONDS_BETWEEN = 2

#: How often each page was visited in the window that starts at a time (ms).
Counts = Counter[tuple[str, int]]


class Visit(NamedTuple):
    """A visit of a page at an event time (ms), which is later than the grace allows or not."""

    page: str
    time: int
    late: bool = False


def made_visits() -> list[Visit]:
    """Make visits up to 30 s out of order, one of each page that is late, and the closing ones.

    Bytewax's watermark goes on by the system clock too: the other half of the grace is left to it.
    """
    chance = random.Random(17)
    times = range(BEGIN, END, SECONDS_BETWEEN * 1000)
    visits = [
        Visit(chance.choice(PAGES), max(BEGIN, time - chance.randrange(MINUTE // 2)))
        for time in times
    ]
    # Visits of each page follow, so a stream that has all counts has read the late ones too.
    visits[-90:-90] = [Visit(page, BEGIN, late=True) for page in PAGES]
    # One for each page, since a window of Bytewax waits for its own key.
    return visits + [Visit(page, END + MINUTE) for page in PAGES]


VISITS = made_visits()


def counts(*, with_late: bool) -> Counts:
    """Count the visits of each page and window by a naive loop, up to END."""
    kept = (each for each in VISITS if each.time < END and (with_late or not each.late))
    return Counter((each.page, each.time // SIZE * SIZE) for each in kept)


def final_results(bootstrap: str, _output: str) -> Counts:
    """Return the final results in the topic: one is there for each window."""
    values = [json.loads(each.value()) for each in truth.read(bootstrap, "page-times")]
    found: Counts = Counter()
    for each in values:
        if each["final"]:
            found[each["page"], each["start"]] += each["visits"]
    return found


def last_changes(bootstrap: str, _output: str) -> Counts:
    """Return the last value of each page and window in the topic."""
    found: Counts = Counter()
    for message in truth.read(bootstrap, "page-times"):
        value = json.loads(message.value())
        found[message.key().decode(), value["start"]] = value["visits"]
    return found


def table(bootstrap: str, _output: str) -> Counts:
    """Return the rows of Faust's table, which is its changelog; windows are in seconds there."""
    found: Counts = Counter()
    for message in truth.read(bootstrap, "visits-pages-changelog"):
        page, (start, _end) = json.loads(message.key())
        found[page, int(start * 1000)] = json.loads(message.value())
    return found


def printed(_bootstrap: str, output: str) -> Counts:
    """Return the sums of what Bytewax printed; its windows are numbered from the epoch on."""
    found: Counts = Counter()
    for page, number, count in re.findall(r"results: \('(.+)', \((\d+), (\d+)\)\)", output):
        found[page, int(number) * SIZE] += int(count)
    return found


class Framework(NamedTuple):
    """A stream of the page, its environment and command there, and what reads its counts."""

    block: str
    environment: str
    command: str
    counts: Callable[[str, str], Counts]
    counts_late: bool = False


FRAMEWORKS = {
    "eventfold": Framework(OURS, "", "faust -A visits worker -l info", final_results),
    "Quix Streams": Framework(QUIX, "quix", "python visits.py", last_changes),
    "Bytewax": Framework(BYTEWAX, "bytewax", "python -m bytewax.run visits", printed),
    # Its windows have no grace: a window counts whatever comes.
    "Faust": Framework(FAUST, "faust", "faust -A visits worker -l info", table, counts_late=True),
}


@pytest.fixture
def topics(market: Market) -> None:
    """Make the topics anew: groups, outputs and changelogs of two streams have the same name."""
    delete_topics(market.bootstrap)
    for name in "visits", "page-times":
        new_topics.create(market.bootstrap, name, PARTITIONS)


@contextmanager
def running(name: str, bootstrap: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a stream in an empty directory, with its output in the file `output`."""
    stream = FRAMEWORKS[name]
    python = Path(sys.executable) if not stream.environment else installed(stream.environment)
    if python is None:
        pytest.skip(f"{name} is not installed: make peers")
    block = stream.block.replace("localhost:9092", bootstrap)
    (directory / "visits.py").write_text(block, encoding="utf-8")
    program, *arguments = stream.command.split()
    settings = {
        "BROKER_URL": bootstrap,
        "WEB_PORT": str(ports.free()),
        "TOPIC_PARTITIONS": str(PARTITIONS),
        "APP_DATADIR": str(directory / "data"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(directory),
    }
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [str(python.with_name(program)), *arguments],
            cwd=directory,
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
        )
        try:
            yield process
            process.terminate()
            process.wait(30)
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.usefixtures("topics")
def test_stream_of_the_page_counts_the_visits(name: str, market: Market, tmp_path: Path) -> None:
    """All of them agree but in the late visits, which Faust counts and the others don't."""
    values = ({"page": each.page, "seconds": 10, "time": each.time} for each in VISITS)
    market.send([(v["page"], json.dumps(v).encode(), v["time"]) for v in values], "visits")
    stream = FRAMEWORKS[name]
    output = tmp_path / "output"
    expected = counts(with_late=stream.counts_late)

    def found() -> Counts:
        counted = stream.counts(market.bootstrap, output.read_text(errors="replace"))
        return Counter({(page, start): n for (page, start), n in counted.items() if start < END})

    with running(name, market.bootstrap, tmp_path) as process:
        with suppress(TimeoutError):
            until(lambda: process.poll() is not None or found() == expected, 60)
        assert found() == expected, output.read_text(errors="replace")[-3_000:]


def test_stream_of_the_page_has_at_most_twelve_lines() -> None:
    """As the page promises, empty ones not counted."""
    assert sum(bool(line.strip()) for line in OURS.splitlines()) <= 12
