"""What a worker's memory does under a flood: everything between two stages is to be bounded.

Several million ticks are waiting when the worker starts. Its peak of memory is printed for
- an idle worker: what it takes before the first tick,
- the flood, of as many ticks again twice: a buffer without a bound would show,
- the flood with a store whose every write takes 100 ms longer,
- the flood behind a recovery: the worker has its rows to restore first,
- windows of one tick each: as many results and rows as ticks.

usage: flood.py [--ticks 2000000] [--partitions 3]
"""

import argparse
import shutil
import time
from pathlib import Path

from app.settings import Settings
from bench.market import START, fill, fill_minutes
from bench.scene import SYMBOLS, Scene
from bench.watching import Peak, usage
from eventfold.engine.partition import CROWD, EXPIRE_SLICE
from eventfold.worker.app import BUFFERED_BATCHES, MAX_FETCH_BYTES
from tests.workers import Worker

REPOSITORY = Path(__file__).parents[1]

#: Bytes of a tick decoded: its record, its key, its column entries, as `sys.getsizeof` has them.
TICK_BYTES = 450


def main() -> None:
    """Go through the floods."""
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
    """Describe how much may be buffered between two stages of a worker at once."""
    records = Settings.model_fields["max_poll_records"].default
    batches = BUFFERED_BATCHES + 2  # one in the fetcher's hand, one in the agent's
    return (
        f"buffered at most: {batches} batches of {records:,} records, "
        f"{batches * records * TICK_BYTES >> 20} MB; "
        f"fetched and not yet parsed {partitions} x {MAX_FETCH_BYTES >> 20} MB compressed; "
        f"deleted by one checkpoint {EXPIRE_SLICE:,} rows; "
        f"waiting for their results {CROWD:,} rows a partition, and one batch, "
        "after what one TICKSTREAM_PUBLISH_INTERVAL folds"
    )


def _dense(args: argparse.Namespace) -> None:
    """Many ticks a window, as a market has them."""
    with Scene(partitions=args.partitions) as scene:
        with scene.worker() as idle:
            print(f"idle: {usage(pid_of(idle)).rss >> 20} MB", flush=True)
        fill(scene.bootstrap, "ticks", args.ticks)
        _flood(scene, "flood")
        fill(scene.bootstrap, "ticks", args.ticks, start=START + 10 * args.ticks)
        _flood(scene, "flood, twice as long")
        slow = {"TICKSTREAM_MODULES": "bench.slow_store", "PYTHONPATH": str(REPOSITORY)}
        _flood(scene, "flood with a slow store", **slow)
        fill(scene.bootstrap, "ticks", args.ticks, start=START + 20 * args.ticks)
        # The first application has folded a third of it; its data were removed.
        _flood(scene, "flood behind a recovery", application="flood")


def _sparse(args: argparse.Namespace) -> None:
    """A tick a window: each is a row and a result."""
    with Scene(partitions=args.partitions) as scene:
        minutes, reached = args.ticks // SYMBOLS // 2, START
        for name in "windows of one tick", "windows of one tick, twice as many":
            reached = fill_minutes(
                scene.bootstrap, "ticks", symbols=SYMBOLS, minutes=minutes, start=reached
            )
            _flood(scene, name)


def _flood(scene: Scene, name: str, *, application: str = "", **settings: str) -> None:
    """Start a worker behind all the ticks there are, print its peak when it has folded them."""
    application = application or name.replace(" ", "-").replace(",", "")
    worker = scene.application(application, **settings)
    begun = time.monotonic()
    worker.start(wait=False)
    with Peak(pid_of(worker)) as peak:
        scene.caught_up(worker)
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
