"""Last lines of a worker's log: what happened, and one line of error if it ends by itself."""

from counting_stream import Stream, last_log_line
from workers import Market

#: Limit of lines of a stop: the signal, the task, and few others.
MAX_LINES = 12


def test_stop_logs_few_lines(market: Market) -> None:
    """The signal and the last checkpoints; not fifty lines of `Stopping...`."""
    stream = Stream(market)
    with stream.worker() as worker:
        stream.send(100)
        stream.wait_exact()
        before = len(worker.log.splitlines())
        assert worker.stop() == 0
        after = worker.log.splitlines()[before:]
    assert any("Signal received: " in each for each in after), after
    assert any(" is closed: folded to offset " in each for each in after), after
    assert len(after) <= MAX_LINES, after


def test_error_in_a_user_timer_is_the_last_line_with_its_location(market: Market) -> None:
    """Without a traceback, which `-l debug` logs."""
    stream = Stream(market)
    failing_worker = stream.worker()
    failing_worker.environment["TICKSTREAM_MODULES"] += ",timed"
    failing_worker.start(wait=False)
    try:
        line = last_log_line(failing_worker)
        assert line.startswith("ZeroDivisionError: division by zero (")
        assert "timed.py:13)" in line
        assert failing_worker.exit_code == 1
        assert "Traceback" not in failing_worker.log
    finally:
        failing_worker.kill()


def test_transaction_timeout_above_the_brokers_limit_is_reported(market: Market) -> None:
    """The brokers' limit is transaction.max.timeout.ms, 15 min by default."""
    stream = Stream(market)
    failing_worker = stream.worker()
    failing_worker.environment["TICKSTREAM_TRANSACTION_TIMEOUT"] = "1h"
    failing_worker.start(wait=False)
    try:
        line = last_log_line(failing_worker)
        assert "TICKSTREAM_TRANSACTION_TIMEOUT=1h" in line
        assert "transaction.max.timeout.ms" in line
        assert "Traceback" not in failing_worker.log
    finally:
        failing_worker.kill()
