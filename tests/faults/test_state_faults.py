"""State that is lost or damaged, in Kafka or on disk: it is restored, or the worker stops.

A worker never starts with less state than was committed. After the repair every window is exact.
"""

import random
import re
import resource
import shutil
from collections.abc import Iterator
from itertools import count

import pytest
from counting_stream import Stream, last_log_line
from workers import MINUTE, Market, Worker, tick, until

pytestmark = pytest.mark.timeout(300)

PARTITIONS = 3


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream with topics of its own."""
    return Stream(market, PARTITIONS)


@pytest.fixture
def worker(stream: Stream) -> Iterator[Worker]:
    """Yield a worker that has committed some windows and is stopped."""
    with stream.worker() as running:
        stream.send(300)
        stream.wait_exact()
        running.stop()
        yield running


def metric(worker: Worker, name: str) -> int:
    """Return the sum of a metric over its labels."""
    text = worker.ask("/metrics").body.decode()
    return sum(
        int(float(each)) for each in re.findall(rf"^{name}{{.*}} (\S+)$", text, re.MULTILINE)
    )


def test_worker_without_local_state_stops_at_a_truncated_changelog(
    stream: Stream, worker: Worker
) -> None:
    """One with all rows in its stores goes on; one that has to restore stops, then and later."""
    # Only with this policy does a broker delete rows that are not superseded.
    stream.configure(stream.changelog, cleanup_policy="compact,delete")
    stream.purge(stream.changelog)
    stream.configure(stream.changelog, cleanup_policy="compact")
    other_worker = stream.worker().start(wait=False)
    assert "its state is lost: " in last_log_line(other_worker)
    worker.start()
    stream.send(300, minute=1)
    stream.wait_exact()
    worker.stop()
    other_worker.start(wait=False)
    assert "rows between them were deleted" in last_log_line(other_worker)
    worker.start()
    stream.send(300, minute=2)
    stream.wait_exact()


def test_deleted_group_offsets_are_recovered_from_the_state(stream: Stream, worker: Worker) -> None:
    """The meta row of the state has the position too."""
    group = stream.market.application
    stream.admin.delete_consumer_groups([group])[group].result(30)
    worker.start()
    stream.send(300, minute=1)
    stream.wait_exact()


def test_records_deleted_before_folding_are_logged_and_counted(
    stream: Stream, worker: Worker
) -> None:
    """While the worker is stopped, and while it runs; all other records are folded."""
    counted = sum(count for count, _ in stream.found().values()) // 2
    stream.send(90, minute=1)
    stream.purge(stream.source)
    worker.start()
    assert "were deleted before they were folded" in worker.log
    assert metric(worker, "eventfold_lost_to_retention_total") == 90
    worker.pause()
    stream.send(30, minute=2)  # a fetch in flight may still return them
    stream.send(60, minute=2)
    stream.purge(stream.source)
    worker.resume()
    stream.send(60, minute=3)

    def all_accounted_for() -> bool:
        found = sum(count for count, _ in stream.found().values()) // 2
        lost = metric(worker, "eventfold_lost_to_retention_total")
        return found + lost == counted + 90 + 90 + 60 and lost >= 90 + 60

    until(all_accounted_for)


def test_wiped_or_damaged_data_directory_is_restored(stream: Stream, worker: Worker) -> None:
    """Each store is damaged in another way; all are restored from the changelog, and logged."""
    stores = [worker.data / "tables" / f"{stream.name}-{number}" for number in range(PARTITIONS)]
    chance = random.Random(1)
    (stores[0] / "CURRENT").write_bytes(chance.randbytes(16))
    for manifest in stores[1].glob("MANIFEST*"):
        manifest.write_bytes(manifest.read_bytes()[:100])
    tables = list(stores[2].glob("*.sst"))
    assert tables
    for table in tables:
        data = bytearray(table.read_bytes())
        data[: len(data) // 2] = chance.randbytes(len(data) // 2)
        table.write_bytes(data)
    worker.start()
    for store in stores[:2]:
        assert f"{store} can't be opened, it is restored from the changelog" in worker.log
    # Depending on where the damage is found: when it is opened, or when a block is read.
    message = rf"{stores[2]} (can't be opened, it|is damaged: .*: it) is restored"
    assert re.search(message, worker.log)
    stream.send(300, minute=1)
    stream.wait_exact()
    worker.stop()
    shutil.rmtree(worker.data)
    worker.start()
    assert f"Restored {stream.name}-2: " in worker.log
    stream.send(300, minute=2)
    stream.wait_exact()


def test_full_disk_stops_the_worker(stream: Stream, worker: Worker) -> None:
    """Committed rows are in Kafka: a restart with free space restores them."""
    worker.start()
    assert worker.process is not None
    _, hard = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (500_000, hard))
    numbers = count()

    def send(keys: int) -> None:
        names = (f"key-{next(numbers):014d}" for _ in range(keys))
        events = (stream.event(name, 1, stream.first) for name in names)
        stream.market.send(events, stream.source, partition=0)

    def has_stopped() -> bool:
        # RocksDB writes files in the background, and reports a failure at the next write.
        send(500)
        return not worker.running

    send(100_000)
    until(has_stopped, 90)
    line = last_log_line(worker)
    assert f"{worker.data / 'tables' / stream.name}-0 can't be read or written" in line
    assert "make room" in line
    worker.start()
    stream.wait_exact()


def test_one_of_two_workers_with_different_pipelines_stops(market: Market) -> None:
    """Nothing is committed at first that could tell them apart: they notice it after a commit."""
    own = Market(market.bootstrap, market.directory)
    workers = [
        own.worker(TICKSTREAM_PIPELINES=each, TOPIC_PARTITIONS=PARTITIONS)
        for each in ("candles", "candles,gainers")
    ]
    try:
        for worker in workers:
            worker.start(wait=False)
        for worker in workers:
            worker.wait_ready()
        own.send(tick(f"S{number}", 1.5, 1_767_225_600_000 + number) for number in range(100))
        until(lambda: not all(worker.running for worker in workers), 60)
        stopped = next(worker for worker in workers if not worker.running)
        assert stopped.exit_code == 1
        assert f"application {own.application} folds ticks into candles" in stopped.tail(1)
        assert "the same TICKSTREAM_PIPELINES" in stopped.tail(1)
    finally:
        for worker in workers:
            worker.kill()


def test_record_larger_than_a_fetch_is_folded_or_a_dead_letter(
    stream: Stream, worker: Worker
) -> None:
    """5 MB, where a fetch asks for 4: folded if readable, else a dead letter; the rest goes on."""
    stream.configure(stream.source, max_message_bytes=8_000_000)
    before = stream.records_of("dead-letters")
    worker.start()
    stream.send(100, minute=1)
    now = stream.first + MINUTE
    stream.send_large(stream.event("large", 7, now, more="x" * 5_000_000))
    stream.send_large(("large", b"x" * 5_000_000, now))
    stream.send(100, minute=1)
    stream.wait_exact()
    assert stream.records_of("dead-letters") == before + 1
