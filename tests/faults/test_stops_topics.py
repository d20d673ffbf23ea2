"""Topics that are changed, emptied or deleted under a worker: it stops with the reason, or goes on.

After the repair every window is exact. The broker makes topics by itself where it is asked for one,
as Kafka does by default.
"""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import NewPartitions
from counting import Stream, last_words
from workers import MINUTE, Market, until

from eventfold.embedded import LocalBroker, properties


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Run a broker that makes topics by itself."""
    with pytest.MonkeyPatch.context() as patch:
        off, on = (f"auto.create.topics.enable = {value}" for value in ("false", "true"))
        patch.setattr(properties, "SERVER", properties.SERVER.replace(off, on))
        with LocalBroker(tmp_path_factory.mktemp("broker")) as broker:
            yield Market(broker.bootstrap, tmp_path_factory.mktemp("market"))


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream of the test's own."""
    return Stream(market)


def test_a_changelog_record_that_is_refused_stops_the_worker(stream: Stream) -> None:
    """Naming topic and reason; nothing after it is committed, and all of it comes again."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        stream.configure(stream.changelog, max_message_bytes=200)
        stream.send(500, minute=1)
        words = last_words(worker)
        assert "the broker refuses" in words
        assert f"for {stream.changelog}-" in words
        assert "MessageSizeTooLargeError" in words
        stream.configure(stream.changelog, max_message_bytes=1_000_000)
        worker.start()
        stream.wait_exact()


def test_an_output_topic_that_is_deleted_stops_the_worker(stream: Stream) -> None:
    """It doesn't come back by itself with another number of partitions; the restart makes it."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        stream.delete(stream.out)
        stream.send(200, minute=2)
        words = last_words(worker)
        assert f"topic {stream.out} was deleted while the worker ran" in words
        assert "start the worker again" in words
        assert stream.out not in stream.topics()
        worker.start()
        assert stream.topics()[stream.out] == 2
        # What was published before is gone with the topic; the state is not.
        stream.send(200, minute=2)
        later = {
            window: counted
            for window, counted in stream.expected.items()
            if window[1] >= stream.first + 2 * MINUTE
        }
        until(lambda: later.items() <= stream.found().items())


def test_a_changelog_that_is_deleted_stops_the_worker_for_good(stream: Stream) -> None:
    """A restart doesn't begin with nothing where something was committed."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        stream.delete(stream.changelog)
        words = last_words(worker)
        assert f"topic {stream.changelog} was deleted while the worker ran" in words
        assert "under another TICKSTREAM_APP_ID" in words
        worker.start(wait=False)
        words = last_words(worker)
        assert stream.changelog in words
        assert "the changelog was made anew" in words


def test_partitions_added_to_a_source_stop_the_worker(stream: Stream) -> None:
    """Its producers send keys to other partitions from now on; a restart is rejected as well."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        added = NewPartitions(stream.source, 3)
        stream.admin.create_partitions([added])[stream.source].result(30)
        words = last_words(worker)
        assert f"topic {stream.source} had 2 partitions and has 3 now" in words
        worker.start(wait=False)
        words = last_words(worker)
        assert f"topic {stream.source} has 3 partitions, TOPIC_PARTITIONS is 2" in words
        stream.wait_exact()
