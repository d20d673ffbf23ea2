"""Faults in a user's code: its batches come again, or the worker stops with a reason.

After the repair, a restart without the fault, every window is exact.
"""

import pytest
from counting import Stream, last_words
from workers import Market, until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream of the test's own."""
    return Stream(market, partitions=1)


def test_a_batch_comes_again_when_its_agent_stumbles(stream: Stream) -> None:
    """Faust goes on with the next batch: without care that of the error would be lost."""
    with stream.worker("before once") as worker:
        stream.send(100)
        stream.send(100, poison=True)
        stream.send(100, minute=1)
        stream.wait_exact()
        assert "raised at offsets" in worker.log
        # Nor has the group rebalanced, though all of the application is new.
        assert worker.log.count("Successfully synced group") == 1
        assert worker.running


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_agent_that_fails_again_and_again_stops_the_worker(stream: Stream, when: str) -> None:
    """Before or after its fold; its name, its error and where it was raised are the last line."""
    with stream.worker(when) as worker:
        stream.send(100)
        stream.wait_exact()
        stream.send(100, poison=True, minute=1)
        words = last_words(worker)
        assert "agent counted.count_events raised at offsets" in words
        assert "ArithmeticError: can't see poison (3)" in words
        assert "attempt 3 of 3" in words
        stream.send(100, minute=1)
        with stream.worker() as repaired:
            stream.wait_exact()
            assert repaired.running


@pytest.mark.parametrize(
    ("fault", "what"),
    [("record", "can't count poison"), ("merge", "can't merge poison")],
)
def test_a_publication_that_raises_stops_the_worker(stream: Stream, fault: str, what: str) -> None:
    """It would at every attempt: table, window, key and error are the last line of the log."""
    with stream.worker(fault) as worker:
        stream.send(100, poison=True)
        stream.send(100, poison=True, minute=1)
        words = last_words(worker)
        assert f"table {stream.name}: publishing window 2m/1m" in words
        assert "of key 'poison' of partition 0 raised ArithmeticError" in words
        assert what in words
        with stream.worker():
            stream.wait_exact()


def test_a_late_record_that_can_not_be_told_of_stops_the_worker(stream: Stream) -> None:
    """Half of its batch is folded by then: none of it is committed, and all of it comes again."""
    with stream.worker("late") as worker:
        stream.send(100, minute=10)
        stream.wait_exact()
        before = dict(stream.expected)
        stream.send(100, poison=True)  # ten minutes behind, the grace is one
        words = last_words(worker)
        assert f"table {stream.name}: folding offsets" in words
        assert "ArithmeticError: can't tell of poison" in words
        with stream.worker():
            until(lambda: stream.records_of(f"{stream.name}-late") == 100)
            assert stream.found() == before


@pytest.mark.parametrize("fault", ["slow", "blocking"])
def test_a_slow_agent_loses_nothing(stream: Stream, fault: str) -> None:
    """One that takes 2 s a batch; one that blocks the event loop longer than a session lasts."""
    with stream.worker(fault) as worker:
        stream.send(100)
        stream.send(100, poison=True, minute=1)
        stream.send(100, minute=2)
        if fault == "blocking":
            until(lambda: "The event loop stands still" in worker.log)
            # A liveness probe fails by its time-out.
            with pytest.raises(TimeoutError):
                worker.ask("/healthz", timeout=0.5)
        stream.wait_exact(60)
        if fault == "blocking":
            assert worker.get("/healthz") == (200, {"alive": True})
            until(lambda: "The event loop was held up for" in worker.log)
            assert "in count_events" in worker.log
        assert worker.running
