"""What a worker refuses to start with: each is said in the last line of its log, exit code 1."""

import time

import pytest
from progress import committed
from workers import Market, Worker, tick, until


def refusal(worker: Worker) -> str:
    """Start a worker that can't, and give the last line it says."""
    worker.start(wait=False)
    try:
        until(lambda: not worker.running, 60)
        assert worker.exit_code == 1
        return worker.tail(1)
    finally:
        worker.kill()


@pytest.fixture(scope="module")
def used(market: Market) -> Market:
    """Give a market whose application has folded and committed some ticks."""
    with market.worker():
        now = int(time.time() * 1000)
        market.send(tick(f"S{number}", 1.5, now) for number in range(100))
        until(lambda: committed(market.bootstrap, market.application) == 100)
    return market


def test_a_topic_with_another_number_of_partitions_is_named_with_what_to_do(used: Market) -> None:
    """State of six partitions can't be told from that of three."""
    log = used.worker(TOPIC_PARTITIONS=3)
    refusal(log)
    assert (
        "topic ticks has 6 partitions, TOPIC_PARTITIONS is 3: set TOPIC_PARTITIONS=6, or delete "
        "ticks and let `faust -A app topics` make it anew"
    ) in log.log


def test_another_set_of_pipelines_would_leave_state_behind(used: Market) -> None:
    """The pipelines belong to the application id: the state of the others would not be folded."""
    assert refusal(used.worker(TICKSTREAM_PIPELINES="candles")) == (
        f"application {used.application} folds ticks into candles,closes,days,surges, this worker "
        "into candles: run it with the same TICKSTREAM_PIPELINES and TICKSTREAM_MODULES, or under "
        "another TICKSTREAM_APP_ID"
    )


def test_other_windows_need_another_application(used: Market) -> None:
    """Rows that are panes of a minute can't be read as panes of another length."""
    worker = used.worker(TICKSTREAM_WINDOWS="7m,1d")
    refusal(worker)
    assert "panes of 1m, this code and its settings ask for Ohlc 1, panes of 7m" in worker.log


def test_a_data_directory_belongs_to_one_worker(used: Market) -> None:
    """A second worker on the same directory would find the first one's stores in its own."""
    with used.worker() as first:
        assert refusal(used.worker(APP_DATADIR=first.data)) == (
            f"{first.data} is in use by another worker: give each its own WEB_PORT or APP_DATADIR"
        )
        assert first.ready


def test_a_broker_that_does_not_answer_is_named(used: Market) -> None:
    """With what to do: start one, or name another."""
    assert refusal(used.worker(BROKER_URL="127.0.0.1:1")) == (
        "no Kafka broker answers at BROKER_URL=127.0.0.1:1: "
        "start one with `faust -A app broker`, or set BROKER_URL"
    )
