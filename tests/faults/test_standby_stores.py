"""Stores that a worker did not write all the time: standbys cut off, damaged, or idle.

In the end each store has exactly the rows of its changelog.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest
import truth
from counting_stream import Stream
from progress import lag
from workers import DAY, MINUTE, Market, Worker, until

from eventfold.embedded import LocalBroker, properties
from eventfold.engine.replica import now_ms
from eventfold.engine.store import Store

pytestmark = pytest.mark.timeout(300)

PARTITIONS = 2
HOUR = 60 * MINUTE

Rows = dict[bytes, bytes]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Run a broker that compacts topics without a delay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(properties, "SERVER", f"{properties.SERVER}log.cleaner.backoff.ms = 100\n")
        with LocalBroker(tmp_path_factory.mktemp("broker")) as broker:
            yield Market(broker.bootstrap, tmp_path_factory.mktemp("market"))


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream with topics of its own."""
    return Stream(market, PARTITIONS)


def store_paths(stream: Stream, worker: Worker) -> list[Path]:
    """Return the paths of a worker's stores, by partition."""
    return [worker.data / "tables" / f"{stream.name}-{number}" for number in range(PARTITIONS)]


def rows_in(path: Path) -> tuple[Rows, int]:
    """Return the rows of a closed store, and the changelog offset up to which it has read."""
    store = Store(path)
    try:
        return dict(store.scan(b"", b"\xff")), store.offset
    finally:
        store.close()


def assert_equal_to_changelog(stream: Stream, worker: Worker) -> None:
    """Compare the stores of a stopped worker with the changelog, as far as they have read it.

    A standby may stop before it has read the last checkpoint: rows in that are left out.
    """
    stores = [rows_in(path) for path in store_paths(stream, worker)]
    expected: list[Rows] = [{} for _ in stores]
    for message in truth.read(stream.market.bootstrap, stream.changelog):
        number, key, value = message.partition() or 0, message.key() or b"", message.value()
        found, offset = stores[number]
        expected[number].pop(key, None)
        if (message.offset() or 0) >= offset:
            found.pop(key, None)
        elif value is not None:
            expected[number][key] = value
    assert all(expected)
    assert [rows for rows, _ in stores] == expected


def tombstones_in_changelog(stream: Stream) -> int:
    """Count the tombstones in the changelog."""
    messages = truth.read(stream.market.bootstrap, stream.changelog)
    return sum(message.value() is None for message in messages)


def follow_each_other(stream: Stream, workers: tuple[Worker, Worker]) -> bool:
    """Return whether each of two workers runs one partition and is a standby of the other's."""
    shares = [worker.get("/readyz")[1]["tables"][stream.name] for worker in workers]
    behind = [
        line
        for worker in workers
        for line in worker.ask("/metrics").body.decode().splitlines()
        if line.startswith("eventfold_standby_lag_offsets") and not line.endswith(" 0.0")
    ]
    (one, other) = shares
    return (
        all(worker.ready for worker in workers)
        and not behind
        and one["open"] == other["standby"]
        and one["standby"] == other["open"]
        and len(one["open"]) == len(other["open"]) == 1
    )


def stop(stream: Stream, *workers: Worker) -> None:
    """Stop workers once all records are folded; compare their stores with the changelog."""
    market = stream.market
    until(lambda: lag(market.bootstrap, market.application, stream.source) == 0)
    for worker in workers:
        assert worker.stop() == 0
    for worker in workers:
        assert_equal_to_changelog(stream, worker)


def test_standby_that_missed_tombstones_resurrects_no_row(stream: Stream) -> None:
    """Compaction has removed the tombstones; the standby reads the whole changelog again."""
    with stream.worker() as one, ExitStack() as others:
        stream.configure(
            stream.changelog,
            segment_ms=200,
            min_cleanable_dirty_ratio=0.01,
            max_compaction_lag_ms=100,
            delete_retention_ms=4_000,
        )
        two = others.enter_context(stream.worker())
        stream.send(100, minute=-3 * DAY // MINUTE)
        stream.wait_exact()
        until(lambda: follow_each_other(stream, (one, two)))
        two.pause()
        stream.send(100)
        until(lambda: tombstones_in_changelog(stream) > 0, 60)
        minutes = cycle(range(30))

        def are_gone() -> bool:
            # Only segments that are followed by others are compacted.
            stream.send(20, minute=next(minutes))
            return tombstones_in_changelog(stream) == 0

        until(are_gone, 120)
        two.resume()
        until(lambda: follow_each_other(stream, (one, two)), 90)
        stop(stream, two, one)


def test_damaged_standby_store_is_rebuilt_from_the_changelog(stream: Stream) -> None:
    """It is logged once for each store; the other worker goes on."""
    with stream.worker() as one, stream.worker() as two:
        stream.send(300)
        stream.wait_exact()
        until(lambda: follow_each_other(stream, (one, two)))
        assert two.stop() == 0
        for path in store_paths(stream, two):
            tables = list(path.glob("*.sst"))
            assert tables
            for table in tables:
                data = bytearray(table.read_bytes())
                data[:64] = b"\x55" * 64  # of its first block; the file can still be opened
                table.write_bytes(data)
        stream.send(300, minute=1)
        two.start()
        stream.wait_exact()
        until(lambda: follow_each_other(stream, (one, two)))
        for path in store_paths(stream, two):
            damaged = [line for line in two.log.splitlines() if f"{path} is damaged" in line]
            assert len(damaged) == 1
            assert "it is restored from the changelog" in damaged[0]
        stop(stream, two, one)


def test_store_idle_for_long_is_opened_without_a_restore(stream: Stream) -> None:
    """The changelog has nothing newer but the marker of the store's own last checkpoint."""
    with stream.worker() as worker:
        stream.send(300)
        stream.wait_exact()
        worker.stop()
        for path in store_paths(stream, worker):
            store = Store(path)
            store.write((), store.offset, timed=True, current=now_ms() - 100 * HOUR)
            store.close()
        worker.start()
        text = worker.ask("/metrics").body.decode()
        name = f'eventfold_restored_rows_total{{partition="0",table="{stream.name}"}} 0.0'
        assert name in text
        assert "restored from the changelog" not in worker.log
        assert f"Restored {stream.name}-" not in worker.log
        stream.send(300, minute=1)
        stream.wait_exact()
        stop(stream, worker)
