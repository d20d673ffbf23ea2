"""Topics that are deleted and recreated under a worker are not taken for the old ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic
from counting_stream import Stream, last_log_line
from workers import Market, Worker

from eventfold.embedded import LocalBroker

PARTITIONS = 2


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream with topics of its own."""
    return Stream(market, PARTITIONS)


@pytest.fixture
def worker(stream: Stream) -> Iterator[Worker]:
    """Return a worker that has committed some windows."""
    with stream.worker() as running:
        stream.send(200)
        stream.wait_exact()
        yield running


def recreate(stream: Stream, topic: str, policy: str = "delete") -> None:
    """Delete a topic and create it again at once."""
    stream.delete(topic)
    new = NewTopic(topic, PARTITIONS, 1, config={"cleanup.policy": policy})
    stream.admin.create_topics([new])[topic].result(30)


def test_recreated_source_stops_the_worker_before_it_folds(stream: Stream, worker: Worker) -> None:
    """It is longer than the old one when the worker, paused meanwhile, polls again."""
    before = stream.found()
    worker.pause()
    recreate(stream, stream.source)
    stream.send(600)
    worker.resume()
    line = last_log_line(worker)
    assert f"topic {stream.source} was deleted and made anew" in line
    assert "TICKSTREAM_TOPIC_PREFIX" in line
    assert stream.found() == before
    worker.start(wait=False)
    assert f"topic {stream.source} was deleted and made anew" in last_log_line(worker)
    assert stream.found() == before


def test_recreated_changelog_stops_the_worker_permanently(stream: Stream, worker: Worker) -> None:
    """Also if the worker has written to the new one before it noticed."""
    worker.pause()
    recreate(stream, stream.changelog, "compact")
    worker.resume()
    stream.send(200, minute=1)
    assert f"topic {stream.changelog} was deleted and made anew" in last_log_line(worker)
    worker.start(wait=False)
    line = last_log_line(worker)
    assert stream.changelog in line
    assert "made anew" in line
    assert "its state is lost" in line


def test_stores_of_another_cluster_are_not_used(
    stream: Stream, worker: Worker, tmp_path: Path
) -> None:
    """The stores are not ahead of the new changelog: only the rows of that changelog count."""
    worker.stop()
    with LocalBroker(tmp_path / "broker") as broker:
        market = Market(broker.bootstrap, tmp_path)
        market.application = stream.market.application
        new = Stream(market, PARTITIONS)
        new.market.application = stream.market.application
        new.name, new.source, new.out = stream.name, stream.source, stream.out
        new.changelog = stream.changelog
        worker.environment["BROKER_URL"] = broker.bootstrap
        other_worker = Worker(
            broker.bootstrap, tmp_path, stream.market.application, **new_settings(worker)
        )
        with other_worker:
            for minute in range(4):
                new.send(200, minute=minute)
                new.wait_exact()
        worker.start()
        assert "is of another changelog than" in worker.log
        new.send(200, minute=5)
        new.wait_exact()


def new_settings(worker: Worker) -> dict[str, object]:
    """Return a worker's settings without those of its broker, application, directory and port."""
    own = ("BROKER_URL", "TICKSTREAM_APP_ID", "APP_DATADIR", "WEB_PORT")
    return {name: value for name, value in worker.environment.items() if name not in own}
