"""A worker that may open few files ends with one line that names the limit, wherever it notices."""

import pytest
from workers import Market, until


@pytest.mark.parametrize("most", [24, 40, 64, 100, 160, 220])
def test_a_worker_that_runs_out_of_files_names_the_limit(market: Market, most: int) -> None:
    """Its start gets as far as they let it: to a module, a connection, a lock, a store, a task."""
    worker = market.worker()
    worker.launcher = ["prlimit", f"--nofile={most}:{most}"]
    worker.start(wait=False)
    try:
        until(lambda: not worker.running, 90)
        assert worker.exit_code == 1
        words = worker.tail(1)
        assert f"too many open files: this process may have {most} open: raise the limit" in words
        assert "another worker" not in worker.log
        assert worker.log.count("too many open files") < 20
    finally:
        worker.kill()
