"""The comparison on a real broker: a right contestant is measured, a wrong one reported."""

import sys
from pathlib import Path

import pytest

from bench.arena import Arena, Conditions
from bench.contestants import CONTESTANTS, Contestant
from bench.workloads import Workload

TICKS = 20_000
WORKLOAD = Workload("small", "Tumbling windows of 5 min", symbols=20, ticks=TICKS)
CONDITIONS = Conditions(interval=200)

#: Answers at once with one window that is none.
LIAR = """
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
    """Fail as an environment that can't be made does."""
    raise ImportError("No module named 'nobody'")


@pytest.mark.timeout(300)
def test_contestants_are_measured_one_after_another(tmp_path: Path) -> None:
    """The worker is right; one that can't start, one that ends and one that lies are reported."""
    fails = Contestant(
        "fails", lambda: [sys.executable, "-c", "raise SystemExit('no such option')"]
    )
    liar = Contestant("liar", lambda: [sys.executable, "-c", LIAR])
    with Arena(tmp_path) as arena:
        arena.fill(symbols=20, step=10, counts=[TICKS, 5_000], own=TICKS)

        def outcome(contestant: Contestant, ticks: int = TICKS):
            return arena.measure(contestant, WORKLOAD, ticks, CONDITIONS)

        worker = outcome(CONTESTANTS["tickstream"])
        assert worker.reason is None, worker.reason
        assert worker.rate is not None
        assert worker.rate > 0
        assert worker.cpu is not None
        assert worker.cpu > 0.1
        assert (worker.results, worker.wrong) == (40, 0)  # a window ends at 100 s

        assert "nobody" in str(outcome(Contestant("missing", missing)).reason)
        assert "no such option" in str(outcome(fails).reason)
        lied = outcome(liar, 5_000)
        assert lied.rate is None
        assert lied.wrong == 21  # none of 20 is there, and one too many
        assert "WRONG" in str(lied.reason)
