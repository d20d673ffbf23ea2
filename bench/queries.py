"""How long an answer takes under load, and what answers cost the stream.

First a worker folds a steady load while it is asked for a symbol's windows and for the top-10; the
time an answer takes counts from when the question was due. Then the same backlog is caught up with
twice each, without questions and with `--queries` of them a second, in turn: the ratio of the
rates is what questions cost. Broker, worker and whoever asks share the machine, so the cost of
asking is in it.

usage: queries.py [--rate 20000] [--seconds 20] [--queries 200] [--ticks 2000000] [--rounds 2]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from bench.asking import Asking
from bench.load import Load
from bench.market import fill
from bench.scene import Scene
from tests.progress import committed, lag

SYMBOLS = 500

#: What makes those who ask a worker, whose address it takes; used in `with`.
Readers = Callable[[str], AbstractContextManager[object]]

#: Questions a second while the time of an answer is measured: few, so that they measure the
#: worker, not each other.
GENTLE = 20.0

#: Share of a backlog between whose ends its rate is taken: start-up is not in it.
BEGIN, END = 0.05, 0.95


def main() -> None:
    """Measure both."""
    args = _arguments()
    with Scene(
        partitions=6, windows="1m,5m,5m/1m", TICKSTREAM_PIPELINES="candles,gainers"
    ) as scene:
        _latency(scene, args)
        _cost(scene, args)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--queries", type=float, default=200.0)
    parser.add_argument("--ticks", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


def _latency(scene: Scene, args: argparse.Namespace) -> None:
    worker = scene.worker().start()
    with Load(scene.bootstrap, rate=args.rate, symbols=SYMBOLS):
        time.sleep(5)  # until there is a ranking, and checkpoints have their rhythm
        with Asking(worker.url, rate=GENTLE, symbols=SYMBOLS) as asking:
            time.sleep(args.seconds)
    scene.caught_up(worker)
    worker.stop()
    for what, seconds in sorted(asking.seconds.items()):
        cuts = statistics.quantiles(seconds, n=100)
        print(
            f"{what} at {args.rate:,} ticks/s: p50 {1000 * cuts[49]:.1f} ms, "
            f"p99 {1000 * cuts[98]:.1f} ms, of {len(seconds)} answers",
            flush=True,
        )
    print(f"answers by status: {asking.statuses}", flush=True)


def _cost(scene: Scene, args: argparse.Namespace) -> None:
    fill(scene.bootstrap, "ticks", args.ticks)
    rates: dict[float, list[float]] = {0.0: [], args.queries: []}
    for number in range(args.rounds):
        for queries, found in rates.items():
            found.append(
                catch_up(
                    scene,
                    f"catch-up-{number}-{queries:.0f}",
                    lambda url, queries=queries: (
                        Asking(url, rate=queries, symbols=SYMBOLS) if queries else nullcontext()
                    ),
                )
            )
            print(f"{found[-1]:,.0f} ticks/s with {queries:.0f} queries/s", flush=True)
    without, asked = (statistics.median(found) for found in rates.values())
    print(f"throughput with {args.queries:.0f} queries/s: {asked / without:.3f} of that without")


def catch_up(
    scene: Scene,
    application: str,
    readers: Readers,
    starting: AbstractContextManager[object] | None = None,
) -> float:
    """Return the rate (ticks/s) at which a new application folds all there is, beside readers.

    Its worker is started within `starting`.
    """
    worker = scene.application(application)
    total = lag(scene.bootstrap, application, "ticks")
    with starting or nullcontext():
        worker.start()
    try:
        with readers(worker.url):
            return _rate(scene, application, total)
    finally:
        worker.kill()


def _rate(scene: Scene, application: str, total: int) -> float:
    """Compute the rate (ticks/s) between two commits, after the first and before the last ticks."""
    seen: list[tuple[float, int]] = []
    while not seen or seen[-1][1] < END * total:
        done = committed(scene.bootstrap, application, "ticks")
        if done > BEGIN * total:
            seen.append((time.monotonic(), done))
        time.sleep(0.1)
    (begin, first), *_, (end, last) = seen
    return (last - first) / (end - begin)


if __name__ == "__main__":
    main()
