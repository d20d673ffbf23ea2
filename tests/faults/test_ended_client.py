"""An unexpected error ends the Kafka client of a worker: the worker ends with it."""

from counting_stream import Stream, last_log_line
from workers import Market


def test_worker_ends_when_its_group_coordination_fails(market: Market) -> None:
    """Another worker joins: the first one raises at the assignment that follows."""
    stream = Stream(market)
    failing_worker = stream.worker()
    failing_worker.environment["TICKSTREAM_MODULES"] += ",failing_assignor"
    with failing_worker as worker:
        stream.send(100)
        stream.wait_exact()
        with stream.worker():
            line = last_log_line(worker)
            assert line.startswith(
                "the Kafka client of this worker has ended: AssertionError: no such member ("
            )
            assert line.endswith("): start the worker again")
            stream.send(100, minute=1)
            stream.wait_exact()
