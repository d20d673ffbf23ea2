"""A worker with a low limit of open files ends with one line that names the limit."""

import pytest
from workers import Market, until


@pytest.mark.parametrize("limit", [24, 40, 64, 100, 160, 220])
def test_worker_out_of_file_descriptors_reports_the_limit(market: Market, limit: int) -> None:
    """Its start fails at different points: a module, a connection, a lock, a store, a task."""
    worker = market.worker()
    worker.launcher = ["prlimit", f"--nofile={limit}:{limit}"]
    worker.start(wait=False)
    try:
        until(lambda: not worker.running, 90)
        assert worker.exit_code == 1
        line = worker.tail(1)
        assert f"too many open files: this process may have {limit} open: raise the limit" in line
        assert "another worker" not in worker.log
        assert worker.log.count("too many open files") < 20
    finally:
        worker.kill()
