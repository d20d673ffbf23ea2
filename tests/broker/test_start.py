"""Reasons for which a worker does not start: the last line of its log, exit code 1."""

import time

import pytest
from progress import committed
from workers import Market, refusal, tick, until

from app.settings import Settings
from eventfold.engine.errors import afresh


@pytest.fixture(scope="module")
def used(market: Market) -> Market:
    """Return a market whose application has folded and committed some ticks."""
    with market.worker():
        now = int(time.time() * 1000)
        market.send(tick(f"S{number}", 1.5, now) for number in range(100))
        until(lambda: committed(market.bootstrap, market.application, "ticks") == 100)
    return market


def test_wrong_partition_count_is_reported_with_a_remedy(used: Market) -> None:
    """State of six partitions can't be distinguished from that of three."""
    log = used.worker(TOPIC_PARTITIONS=3)
    refusal(log)
    wrong = "has 6 partitions, TOPIC_PARTITIONS is 3: set TOPIC_PARTITIONS=6"
    assert f"topic ticks {wrong}\n" in log.log
    assert f"topic candles {wrong}, or {afresh(Settings())}\n" in log.log


def test_worker_with_other_pipelines_is_rejected(used: Market) -> None:
    """The pipelines belong to the application id: the state of the others would not be folded."""
    assert refusal(used.worker(TICKSTREAM_PIPELINES="candles")) == (
        f"application {used.application} folds ticks into candles,closes,days,surges, this worker "
        "into candles: run it with the same TICKSTREAM_PIPELINES and TICKSTREAM_MODULES, or "
        f"{afresh(Settings())}"
    )


def test_changed_windows_are_rejected_before_folding(used: Market) -> None:
    """Open windows of the old definitions would never be final, new ones would be incomplete."""
    worker = used.worker(TICKSTREAM_WINDOWS="1m,5m,10m/5m,1d")
    assert refusal(worker).startswith(
        "table candles: its state is of windows 1m,5m/1m,5m,15m/1m,15m, this worker's are "
        "1m,5m,10m/5m, and windows can't change in place: set them back, in the settings or "
    )
    assert "runs from offset" not in worker.log


def test_worker_with_another_grace_is_rejected_while_one_runs(used: Market) -> None:
    """When all others are stopped, it starts."""
    with used.worker() as first:
        assert refusal(used.worker(TICKSTREAM_GRACE="30m")).startswith(
            f"application {used.application} runs table candles with grace 5m, this worker has "
            "grace 30m: start it with the same, or stop all workers of the application before "
        )
        assert first.ready
        first.stop()
    with used.worker(TICKSTREAM_GRACE="30m") as changed:
        assert changed.ready
        assert refusal(used.worker()).startswith(
            f"application {used.application} runs table candles with grace 30m, this worker has "
            "grace 5m: "
        )
    with used.worker() as again:
        assert again.ready


def test_data_directory_belongs_to_one_worker(used: Market) -> None:
    """A second worker on the same directory would find the first one's stores in its own."""
    with used.worker() as first:
        assert refusal(used.worker(APP_DATADIR=first.data)) == (
            f"{first.data} is in use by another worker: give each its own WEB_PORT or APP_DATADIR"
        )
        assert first.ready


def test_unreachable_broker_is_reported(used: Market) -> None:
    """The line suggests to start a broker, or to set another address."""
    assert refusal(used.worker(BROKER_URL="127.0.0.1:1")) == (
        "no Kafka broker answers at BROKER_URL=127.0.0.1:1: "
        "start one with `faust -A app broker`, or set BROKER_URL"
    )
