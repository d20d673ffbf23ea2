"""tickstream in the workload `filter` of the comparison."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

#: A process of its own: the module declares its table in the product's application.
SCRIPT = """
from app import app
from app.market.records import Tick
from eventfold.testing import TopologyDriver
from bench.filtering import LARGE_TICKS, TICKS, large_ticks
from bench.workloads import LARGE

sizes = [LARGE - 1, LARGE, 0, LARGE + 1, LARGE]
with TopologyDriver(app, tables=[large_ticks], partitions=2) as driver:
    ticks = [Tick(f"S{n % 3}", 1.0 + n, driver.now + n, size) for n, size in enumerate(sizes)]
    driver.pipe(TICKS, *ticks[:3])
    driver.advance("1s")
    driver.crash()
    driver.pipe(TICKS, *ticks[3:])
    driver.settle()
    passed = sorted(driver.topic(LARGE_TICKS), key=lambda tick: tick.time)
    assert passed == [tick for tick in ticks if tick.size >= LARGE], passed
"""


def test_large_ticks_are_forwarded_unchanged_and_exactly_once() -> None:
    """Those of the limit and above, across a crash."""
    environment = {**os.environ, "BENCH_INPUT": "some-ticks", "BENCH_OUTPUT": "large-ticks"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
