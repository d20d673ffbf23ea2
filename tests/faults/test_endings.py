"""End of a worker's log: what happened, and one line where the worker ends by itself."""

from counting import Stream, last_words
from workers import Market

#: Lines about what happened before and after a stop: the signal, its task, and few others.
FEW = 12


def test_a_stop_logs_what_happened_and_no_line_for_each_service(market: Market) -> None:
    """The signal, the last checkpoints; not fifty lines of `Stopping...`."""
    stream = Stream(market)
    with stream.worker() as worker:
        stream.send(100)
        stream.wait_exact()
        before = len(worker.log.splitlines())
        assert worker.stop() == 0
        after = worker.log.splitlines()[before:]
    assert any("Signal received: " in line for line in after), after
    assert any(" is closed: folded to offset " in line for line in after), after
    assert len(after) <= FEW, after


def test_a_fault_in_a_timer_of_the_user_is_the_last_line_with_its_place(market: Market) -> None:
    """Without a traceback, which `-l debug` logs."""
    stream = Stream(market)
    ending = stream.worker()
    ending.environment["TICKSTREAM_MODULES"] += ",timed"
    ending.start(wait=False)
    try:
        words = last_words(ending)
        assert words.startswith("ZeroDivisionError: division by zero (")
        assert "timed.py:13)" in words
        assert ending.exit_code == 1
        assert "Traceback" not in ending.log
    finally:
        ending.kill()


def test_a_transaction_time_out_above_the_brokers_is_named(market: Market) -> None:
    """The brokers' limit is transaction.max.timeout.ms, 15 min by default."""
    stream = Stream(market)
    ending = stream.worker()
    ending.environment["TICKSTREAM_TRANSACTION_TIMEOUT"] = "1h"
    ending.start(wait=False)
    try:
        words = last_words(ending)
        assert "TICKSTREAM_TRANSACTION_TIMEOUT=1h" in words
        assert "transaction.max.timeout.ms" in words
        assert "Traceback" not in ending.log
    finally:
        ending.kill()
