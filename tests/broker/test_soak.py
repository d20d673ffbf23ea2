"""Many retentions of event time, and partitions that move: a worker's state and files stay bounded.

`make soak` is the same for hours, and measures the memory.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psutil
import pytest
import truth
from progress import lag
from workers import MINUTE, Market, Record, Worker, tick, until

from eventfold.engine.rows import META, split_row_key
from eventfold.engine.store import Store

SYMBOLS = [f"SYM{number:02}" for number in range(40)]

GRACE, RETENTION = 5, 60  # minutes

#: Maximum minutes of rows: the retention of the windows, and the longest window once more, which
#: the oldest of them needs.
KEPT = RETENTION + 5 + 1

#: Minutes of event time that one round of ticks adds.
ROUND = 30

SETTINGS = {
    "TOPIC_PARTITIONS": 2,
    "TICKSTREAM_PIPELINES": "candles",
    "TICKSTREAM_WINDOWS": "1m,5m/1m",
    "TICKSTREAM_GRACE": f"{GRACE}m",
    "TICKSTREAM_RETENTION": f"{RETENTION}m",
}

#: Variation by RocksDB's compactions and the client's connections.
SOME_FILES = 8


class State(NamedTuple):
    """State that a stopped worker left on its disk."""

    rows: dict[bytes, bytes | None]
    bytes: int


class Feed:
    """Rounds of ticks, one for each symbol and minute, most in order."""

    def __init__(self, market: Market) -> None:
        self._market = market
        # All rounds are in the past.
        self.minute = int(time.time()) // 60 - 200 * ROUND

    def round(self, worker: Worker) -> None:
        """Send the ticks of the next minutes; return when they are folded and committed."""
        self._market.send(self._ticks())
        self.minute += ROUND
        until(lambda: not lag(self._market.bootstrap, self._market.application, "ticks"))
        assert worker.running

    def _ticks(self) -> Iterator[Record]:
        chance = random.Random(self.minute)
        for minute in range(self.minute, self.minute + ROUND):
            for symbol in SYMBOLS:
                at = (minute - chance.choice([0, 0, 0, 1])) * MINUTE + chance.randrange(MINUTE)
                yield tick(symbol, chance.randrange(1, 1000), at)


def state_of(worker: Worker) -> State:
    """Read the stores of a worker that has stopped."""
    rows: dict[bytes, bytes | None] = {}
    size = 0
    for path in sorted((worker.data / "tables").iterdir()):
        store = Store(path)
        rows |= {row: store.get(row) for row in store.keys_between(0)}
        store.close()
        size += sum(file.stat().st_size for file in path.iterdir() if file.name[:3] != "LOG")
    return State(rows, size)


def live_rows(market: Market) -> dict[bytes, bytes | None]:
    """Return the rows of the changelog that no tombstone has deleted."""
    topic = f"{market.application}-candles-changelog"
    latest = {message.key(): message.value() for message in truth.read(market.bootstrap, topic)}
    return {row: value for row, value in latest.items() if value is not None and row != META}


def open_files(worker: Worker) -> int:
    """Count the files and sockets that a worker has open."""
    assert worker.process is not None
    return psutil.Process(worker.process.pid).num_fds()


@pytest.fixture(scope="module")
def feed(market: Market) -> Feed:
    """Return the one feed of this module: event time advances from test to test."""
    return Feed(market)


def test_table_keeps_only_the_rows_of_its_retention(
    market: Market, feed: Feed, record_property: Callable[[str, object], None]
) -> None:
    """After 16 retentions there are the rows of one, and no more files than after four."""
    worker = market.worker(**SETTINGS)
    with worker:
        for _ in range(8):
            feed.round(worker)
        early = open_files(worker)
    first = state_of(worker)
    with worker:
        files = []
        for _ in range(24):
            feed.round(worker)
            files.append(open_files(worker))
        assert worker.process is not None
        # Shown in reports, not judged: a minute is too short.
        record_property("rss", psutil.Process(worker.process.pid).memory_info().rss)
    last = state_of(worker)

    assert max(files[-8:]) <= max(early, *files[:8]) + SOME_FILES
    newest = max(split_row_key(row)[1] for row in last.rows)
    assert min(split_row_key(row)[1] for row in last.rows) >= newest - KEPT * MINUTE
    assert len(last.rows) <= len(SYMBOLS) * KEPT
    assert last.rows == live_rows(market)
    assert last.bytes <= 2 * first.bytes + (1 << 20)


def test_moved_partitions_leave_no_file_open(market: Market, feed: Feed) -> None:
    """A worker has as many files open after the third guest has left as after the first."""
    files = []
    with market.worker(**SETTINGS) as host:
        for _ in range(3):
            with market.worker(**SETTINGS) as guest:
                until(lambda guest=guest: shares(host, guest))
                feed.round(guest)
            until(lambda: open_partitions(host) == [0, 1])
            feed.round(host)
            files.append(open_files(host))
    assert files[-1] <= files[0] + SOME_FILES


def shares(*workers: Worker) -> bool:
    """Return whether each worker has one partition."""
    return all(len(open_partitions(worker)) == 1 for worker in workers)


def open_partitions(worker: Worker) -> list[int]:
    """Return the open partitions of candles of a worker."""
    return json.loads(worker.ask("/readyz").body)["tables"]["candles"]["open"]
