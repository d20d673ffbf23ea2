"""Topics that are changed, emptied or deleted under a worker: it stops with the reason, or goes on.

After the repair every window is exact. The broker creates topics automatically, as Kafka does by
default.
"""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import NewPartitions
from counting_stream import Stream, last_log_line
from workers import MINUTE, Market, until

from eventfold.embedded import LocalBroker, properties


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Run a broker that creates topics automatically."""
    with pytest.MonkeyPatch.context() as patch:
        off, on = (f"auto.create.topics.enable = {value}" for value in ("false", "true"))
        patch.setattr(properties, "SERVER", properties.SERVER.replace(off, on))
        with LocalBroker(tmp_path_factory.mktemp("broker")) as broker:
            yield Market(broker.bootstrap, tmp_path_factory.mktemp("market"))


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream with topics of its own."""
    return Stream(market)


def test_rejected_changelog_record_stops_the_worker(stream: Stream) -> None:
    """The last line has topic and reason; nothing later is committed, and all is read again."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        stream.configure(stream.changelog, max_message_bytes=200)
        stream.send(500, minute=1)
        line = last_log_line(worker)
        assert "the broker refuses" in line
        assert f"for {stream.changelog}-" in line
        assert "MessageSizeTooLargeError" in line
        stream.configure(stream.changelog, max_message_bytes=1_000_000)
        worker.start()
        stream.wait_exact()


def test_deleted_output_topic_stops_the_worker(stream: Stream) -> None:
    """It is not created with another number of partitions meanwhile; the restart creates it."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        stream.delete(stream.out)
        stream.send(200, minute=2)
        line = last_log_line(worker)
        assert f"topic {stream.out} was deleted while the worker ran" in line
        assert "start the worker again" in line
        assert stream.out not in stream.topics()
        worker.start()
        assert stream.topics()[stream.out] == 2
        # Earlier results are gone with the topic; the state is not.
        stream.send(200, minute=2)
        later = {
            window: counted
            for window, counted in stream.expected.items()
            if window[1] >= stream.first + 2 * MINUTE
        }
        until(lambda: later.items() <= stream.found().items())


def test_deleted_changelog_stops_the_worker_permanently(stream: Stream) -> None:
    """A restart does not begin with empty state where some was committed."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        stream.delete(stream.changelog)
        line = last_log_line(worker)
        assert f"topic {stream.changelog} was deleted while the worker ran" in line
        assert "under another TICKSTREAM_APP_ID" in line
        worker.start(wait=False)
        line = last_log_line(worker)
        assert stream.changelog in line
        assert "the changelog was made anew" in line


def test_partitions_added_to_a_source_stop_the_worker(stream: Stream) -> None:
    """Producers send keys to other partitions from now on; a restart is rejected as well."""
    with stream.worker() as worker:
        stream.send(200)
        stream.wait_exact()
        added = NewPartitions(stream.source, 3)
        stream.admin.create_partitions([added])[stream.source].result(30)
        line = last_log_line(worker)
        assert f"topic {stream.source} had 2 partitions and has 3 now" in line
        worker.start(wait=False)
        line = last_log_line(worker)
        assert f"topic {stream.source} has 3 partitions, TOPIC_PARTITIONS is 2" in line
        stream.wait_exact()
