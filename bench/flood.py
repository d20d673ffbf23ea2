"""Peak memory of a worker that starts with a large backlog: all its buffers have to be bounded.

Several million ticks are waiting when the worker starts. Its peak memory is printed for
- an idle worker, before the first tick,
- the backlog, then one of twice the size, which an unbounded buffer would show,
- the backlog with a store whose writes take 100 ms longer,
- the backlog after a recovery, for which the worker restores its rows first,
- windows of one tick each: as many results and rows as ticks.

usage: flood.py [--ticks 2000000] [--partitions 3]
"""

import argparse
import shutil
import time
from pathlib import Path

from app.settings import Settings
from bench.monitors import PeakMemory, usage
from bench.testbed import SYMBOLS, Testbed
from bench.ticks import START, fill, fill_minutes
from eventfold.engine.partition import CROWD, EXPIRE_SLICE
from eventfold.worker.app import BUFFERED_BATCHES, MAX_FETCH_BYTES
from tests.workers import Worker

REPOSITORY = Path(__file__).parents[1]

#: Bytes of a decoded tick: record, key and column entries, by `sys.getsizeof`.
TICK_BYTES = 450


def main() -> None:
    """Measure all cases."""
    args = _arguments()
    print(_bound(args.partitions))
    _dense(args)
    _sparse(args)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=2_000_000)
    parser.add_argument("--partitions", type=int, default=3)
    return parser.parse_args()


def _bound(partitions: int) -> str:
    """Describe the limits of the buffers between the stages of a worker."""
    records = Settings.model_fields["max_poll_records"].default
    batches = BUFFERED_BATCHES + 2  # one in the fetcher, one in the agent
    return (
        f"buffered at most: {batches} batches of {records:,} records, "
        f"{batches * records * TICK_BYTES >> 20} MB; "
        f"fetched and not yet parsed {partitions} x {MAX_FETCH_BYTES >> 20} MB compressed; "
        f"deleted by one checkpoint {EXPIRE_SLICE:,} rows; "
        f"waiting for their results {CROWD:,} rows a partition, and one batch, "
        "after what one TICKSTREAM_PUBLISH_INTERVAL folds"
    )


def _dense(args: argparse.Namespace) -> None:
    """Measure windows of many ticks each, as in a market."""
    with Testbed(partitions=args.partitions) as testbed:
        with testbed.worker() as idle:
            print(f"idle: {usage(pid_of(idle)).rss >> 20} MB", flush=True)
        fill(testbed.bootstrap, "ticks", args.ticks)
        _flood(testbed, "flood")
        fill(testbed.bootstrap, "ticks", args.ticks, start=START + 10 * args.ticks)
        _flood(testbed, "flood, twice as long")
        slow = {"TICKSTREAM_MODULES": "bench.slow_store", "PYTHONPATH": str(REPOSITORY)}
        _flood(testbed, "flood with a slow store", **slow)
        fill(testbed.bootstrap, "ticks", args.ticks, start=START + 20 * args.ticks)
        # The first application has folded a third of the ticks; its data directory was removed.
        _flood(testbed, "flood behind a recovery", application="flood")


def _sparse(args: argparse.Namespace) -> None:
    """Measure windows of one tick each: as many rows and results as ticks."""
    with Testbed(partitions=args.partitions) as testbed:
        minutes, reached = args.ticks // SYMBOLS // 2, START
        for name in "windows of one tick", "windows of one tick, twice as many":
            reached = fill_minutes(
                testbed.bootstrap, "ticks", symbols=SYMBOLS, minutes=minutes, start=reached
            )
            _flood(testbed, name)


def _flood(testbed: Testbed, name: str, *, application: str = "", **settings: str) -> None:
    """Start a worker with all ticks as backlog; print its peak memory when it has folded them."""
    application = application or name.replace(" ", "-").replace(",", "")
    worker = testbed.application(application, **settings)
    begun = time.monotonic()
    worker.start(wait=False)
    with PeakMemory(pid_of(worker)) as peak:
        testbed.wait_caught_up(worker)
        seconds = time.monotonic() - begun
    worker.stop()
    shutil.rmtree(worker.data)
    print(f"{name}: peak {peak.rss >> 20} MB, {seconds:.0f} s", flush=True)


def pid_of(worker: Worker) -> int:
    """Return the process id of a running worker. Raises RuntimeError if it is not started."""
    if worker.process is None:
        raise RuntimeError("the worker is not started")
    return worker.process.pid


if __name__ == "__main__":
    main()
