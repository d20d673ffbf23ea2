"""Topics that are deleted and made anew under a worker are not taken for those before them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic
from counting import Stream, last_words
from workers import Market, Worker

from eventfold.embedded import LocalBroker

PARTITIONS = 2


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream of the test's own."""
    return Stream(market, PARTITIONS)


@pytest.fixture
def worker(stream: Stream) -> Iterator[Worker]:
    """Return a worker that has committed some windows."""
    with stream.worker() as running:
        stream.send(200)
        stream.wait_exact()
        yield running


def make_anew(stream: Stream, topic: str, policy: str = "delete") -> None:
    """Delete a topic and make it at once again."""
    stream.delete(topic)
    new = NewTopic(topic, PARTITIONS, 1, config={"cleanup.policy": policy})
    stream.admin.create_topics([new])[topic].result(30)


def test_a_source_made_anew_with_more_records_stops_the_worker_before_any_is_folded(
    stream: Stream, worker: Worker
) -> None:
    """It is longer than the one before when the worker, frozen meanwhile, looks again."""
    before = stream.found()
    worker.pause()
    make_anew(stream, stream.source)
    stream.send(600)
    worker.resume()
    words = last_words(worker)
    assert f"topic {stream.source} was deleted and made anew" in words
    assert "TICKSTREAM_TOPIC_PREFIX" in words
    assert stream.found() == before
    worker.start(wait=False)
    assert f"topic {stream.source} was deleted and made anew" in last_words(worker)
    assert stream.found() == before


def test_a_changelog_made_anew_stops_the_worker_for_good(stream: Stream, worker: Worker) -> None:
    """Also where the worker has written to the new one before it knew."""
    worker.pause()
    make_anew(stream, stream.changelog, "compact")
    worker.resume()
    stream.send(200, minute=1)
    assert f"topic {stream.changelog} was deleted and made anew" in last_words(worker)
    worker.start(wait=False)
    words = last_words(worker)
    assert stream.changelog in words
    assert "made anew" in words
    assert "its state is lost" in words


def test_a_data_directory_kept_under_a_new_broker_is_no_state_of_it(
    stream: Stream, worker: Worker, tmp_path: Path
) -> None:
    """Its stores are not ahead of the new changelog; what that has is what counts."""
    worker.stop()
    with LocalBroker(tmp_path / "broker") as broker:
        market = Market(broker.bootstrap, tmp_path)
        market.application = stream.market.application
        new = Stream(market, PARTITIONS)
        new.market.application = stream.market.application
        new.name, new.source, new.out = stream.name, stream.source, stream.out
        new.changelog = stream.changelog
        worker.environment["BROKER_URL"] = broker.bootstrap
        elsewhere = Worker(
            broker.bootstrap, tmp_path, stream.market.application, **new_settings(worker)
        )
        with elsewhere:
            for minute in range(4):
                new.send(200, minute=minute)
                new.wait_exact()
        worker.start()
        assert "is of another changelog than" in worker.log
        new.send(200, minute=5)
        new.wait_exact()


def new_settings(worker: Worker) -> dict[str, object]:
    """Return the settings of a worker that are its application's."""
    own = ("BROKER_URL", "TICKSTREAM_APP_ID", "APP_DATADIR", "WEB_PORT")
    return {name: value for name, value in worker.environment.items() if name not in own}
