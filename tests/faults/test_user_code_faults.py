"""Errors in a user's code: its batches are retried, or the worker stops with a reason.

After a restart without the fault every window is exact.
"""

import pytest
from counting_stream import Stream, last_log_line
from workers import Market, until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def stream(market: Market) -> Stream:
    """Return a stream with topics of its own."""
    return Stream(market, partitions=1)


def test_batch_is_retried_when_its_agent_raises_once(stream: Stream) -> None:
    """Faust itself would go on with the next batch, and the failed one would be lost."""
    with stream.worker("before once") as worker:
        stream.send(100)
        stream.send(100, poison=True)
        stream.send(100, minute=1)
        stream.wait_exact()
        assert "raised at offsets" in worker.log
        # The group has not rebalanced again after the start of the new application.
        assert worker.log.count("Successfully synced group") == 1
        assert worker.running


@pytest.mark.parametrize("when", ["before", "after"])
def test_agent_that_always_raises_stops_the_worker(stream: Stream, when: str) -> None:
    """Before or after its fold; the last line names the agent, the error and its location."""
    with stream.worker(when) as worker:
        stream.send(100)
        stream.wait_exact()
        stream.send(100, poison=True, minute=1)
        line = last_log_line(worker)
        assert "agent counted.count_events raised at offsets" in line
        assert "ArithmeticError: can't see poison (3)" in line
        assert "attempt 3 of 3" in line
        stream.send(100, minute=1)
        with stream.worker() as repaired:
            stream.wait_exact()
            assert repaired.running


@pytest.mark.parametrize(
    ("fault", "message"),
    [("record", "can't count poison"), ("merge", "can't merge poison")],
)
def test_error_while_publishing_a_window_stops_the_worker(
    stream: Stream, fault: str, message: str
) -> None:
    """A retry would fail too: the last line names table, window, key and error."""
    with stream.worker(fault) as worker:
        stream.send(100, poison=True)
        stream.send(100, poison=True, minute=1)
        line = last_log_line(worker)
        assert f"table {stream.name}: publishing window 2m/1m" in line
        assert "of key 'poison' of partition 0 raised ArithmeticError" in line
        assert message in line
        with stream.worker():
            stream.wait_exact()


def test_error_in_the_function_of_late_records_stops_the_worker(stream: Stream) -> None:
    """Half of its batch is folded by then: none of it is committed, and all of it is read again."""
    with stream.worker("late") as worker:
        stream.send(100, minute=10)
        stream.wait_exact()
        before = dict(stream.expected)
        stream.send(100, poison=True)  # ten minutes behind, the grace is one
        line = last_log_line(worker)
        assert f"table {stream.name}: folding offsets" in line
        assert "ArithmeticError: can't tell of poison" in line
        with stream.worker():
            until(lambda: stream.records_of(f"{stream.name}-late") == 100)
            assert stream.found() == before


@pytest.mark.parametrize("fault", ["slow", "blocking"])
def test_slow_agent_loses_no_records(stream: Stream, fault: str) -> None:
    """One that takes 2 s a batch; one that blocks the event loop longer than a session lasts."""
    with stream.worker(fault) as worker:
        stream.send(100)
        stream.send(100, poison=True, minute=1)
        stream.send(100, minute=2)
        if fault == "blocking":
            until(lambda: "The event loop is blocked" in worker.log)
            # A liveness probe would time out.
            with pytest.raises(TimeoutError):
                worker.ask("/healthz", timeout=0.5)
        stream.wait_exact(60)
        if fault == "blocking":
            assert worker.get("/healthz") == (200, {"alive": True})
            until(lambda: "The event loop was blocked for" in worker.log)
            assert "in count_events" in worker.log
        assert worker.running
