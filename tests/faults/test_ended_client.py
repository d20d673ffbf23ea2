"""The Kafka client of a worker ends by an error that nobody expects: the worker ends with it."""

from counting import Stream, last_words
from workers import Market


def test_a_worker_whose_coordination_has_ended_says_so_and_ends(market: Market) -> None:
    """Another worker joins: the assignment that follows is too much for the first."""
    stream = Stream(market)
    ending = stream.worker()
    ending.environment["TICKSTREAM_MODULES"] += ",ended"
    with ending as worker:
        stream.send(100)
        stream.wait_exact()
        with stream.worker():
            words = last_words(worker)
            assert words.startswith(
                "the Kafka client of this worker has ended: AssertionError: no such member ("
            )
            assert words.endswith("): start the worker again")
            stream.send(100, minute=1)
            stream.wait_exact()
