"""The comparison on a real broker: a right contestant is measured, a wrong one is reported."""

import sys
from pathlib import Path

import pytest

from bench.comparison_runner import ComparisonRunner, Conditions
from bench.contestants import CONTESTANTS, Contestant
from bench.workloads import Workload

TICKS = 20_000
WORKLOAD = Workload("small", "Tumbling windows of 5 min", symbols=20, ticks=TICKS)
CONDITIONS = Conditions(interval=200)

#: Publishes one wrong window at once.
WRONG_CONTESTANT = """
import json, os
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": os.environ["BENCH_BOOTSTRAP"]})
names = "start end count open high low close volume".split()
size, advance = int(os.environ["BENCH_SIZE_MS"]), int(os.environ["BENCH_ADVANCE_MS"])
window = dict.fromkeys(names, 1) | {"symbol": "SYM0001", "size": size, "advance": advance}
producer.produce(os.environ["BENCH_OUTPUT"], json.dumps(window))
producer.flush()
"""


def missing() -> list[str]:
    """Fail like an environment that can't be made."""
    raise ImportError("No module named 'nobody'")


@pytest.mark.timeout(300)
def test_right_contestant_is_measured_and_wrong_ones_are_reported(tmp_path: Path) -> None:
    """One that can't start, one that exits with an error, one with wrong results are reported."""
    fails = Contestant(
        "fails", lambda: [sys.executable, "-c", "raise SystemExit('no such option')"]
    )
    wrong = Contestant("wrong", lambda: [sys.executable, "-c", WRONG_CONTESTANT])
    with ComparisonRunner(tmp_path) as runner:
        runner.fill(symbols=20, step=10, counts=[TICKS, 5_000], own=TICKS)

        def outcome(contestant: Contestant, ticks: int = TICKS):
            return runner.measure(contestant, WORKLOAD, ticks, CONDITIONS)

        worker = outcome(CONTESTANTS["tickstream"])
        assert worker.reason is None, worker.reason
        assert worker.rate is not None
        assert worker.rate > 0
        assert worker.cpu is not None
        assert worker.cpu > 0.1
        assert (worker.results, worker.wrong) == (40, 0)  # a window ends at 100 s

        assert "nobody" in str(outcome(Contestant("missing", missing)).reason)
        assert "no such option" in str(outcome(fails).reason)
        wrong_outcome = outcome(wrong, 5_000)
        assert wrong_outcome.rate is None
        assert wrong_outcome.wrong == 21  # all 20 are missing, and one is too many
        assert "WRONG" in str(wrong_outcome.reason)
