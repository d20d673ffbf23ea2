"""Latency of queries under load, and their cost in throughput.

First a worker folds a steady load while it serves queries for a symbol's windows and for the
ranking; latency counts from the time at which a query was due. Then the same backlog is folded
without queries and with `--queries` per second, in turn: the ratio of the rates is the cost of
queries. Broker, worker and clients share the machine, so the cost of the clients is included.

usage: queries.py [--rate 20000] [--seconds 20] [--queries 200] [--ticks 2000000] [--rounds 2]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from bench.load import Load
from bench.query_load import QueryLoad
from bench.testbed import Testbed
from bench.ticks import fill
from tests.progress import committed, lag

SYMBOLS = 500

#: Context manager of the clients of a worker, made from its address.
Clients = Callable[[str], AbstractContextManager[object]]

#: Queries per second while latency is measured: few, so that they don't wait for each other.
LOW_RATE = 20.0

#: Fractions of a backlog between which its rate is measured, without the start-up.
BEGIN, END = 0.05, 0.95


def main() -> None:
    """Measure latency, then cost."""
    args = _arguments()
    with Testbed(
        partitions=6, windows="1m,5m,5m/1m", TICKSTREAM_PIPELINES="candles,gainers"
    ) as testbed:
        _latency(testbed, args)
        _cost(testbed, args)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--queries", type=float, default=200.0)
    parser.add_argument("--ticks", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


def _latency(testbed: Testbed, args: argparse.Namespace) -> None:
    worker = testbed.worker().start()
    with Load(testbed.bootstrap, rate=args.rate, symbols=SYMBOLS):
        time.sleep(5)  # until there is a ranking and checkpoints are regular
        with QueryLoad(worker.url, rate=LOW_RATE, symbols=SYMBOLS) as load:
            time.sleep(args.seconds)
    testbed.wait_caught_up(worker)
    worker.stop()
    for kind, seconds in sorted(load.seconds.items()):
        cuts = statistics.quantiles(seconds, n=100)
        print(
            f"{kind} at {args.rate:,} ticks/s: p50 {1000 * cuts[49]:.1f} ms, "
            f"p99 {1000 * cuts[98]:.1f} ms, of {len(seconds)} answers",
            flush=True,
        )
    print(f"answers by status: {load.statuses}", flush=True)


def _load(queries: float, url: str) -> AbstractContextManager[object]:
    return QueryLoad(url, rate=queries, symbols=SYMBOLS) if queries else nullcontext()


def _cost(testbed: Testbed, args: argparse.Namespace) -> None:
    fill(testbed.bootstrap, "ticks", args.ticks)
    rates: dict[float, list[float]] = {0.0: [], args.queries: []}
    for number in range(args.rounds):
        for queries, found in rates.items():
            found.append(
                catch_up(
                    testbed,
                    f"catch-up-{number}-{queries:.0f}",
                    partial(_load, queries),
                )
            )
            print(f"{found[-1]:,.0f} ticks/s with {queries:.0f} queries/s", flush=True)
    without, loaded = (statistics.median(found) for found in rates.values())
    print(f"throughput with {args.queries:.0f} queries/s: {loaded / without:.3f} of that without")


def catch_up(
    testbed: Testbed,
    application: str,
    clients: Clients,
    starting: AbstractContextManager[object] | None = None,
) -> float:
    """Return the rate (ticks/s) at which a new application folds the backlog with clients.

    Its worker is started within `starting`.
    """
    worker = testbed.application(application)
    total = lag(testbed.bootstrap, application, "ticks")
    with starting or nullcontext():
        worker.start()
    try:
        with clients(worker.url):
            return _rate(testbed, application, total)
    finally:
        worker.kill()


def _rate(testbed: Testbed, application: str, total: int) -> float:
    """Compute the rate (ticks/s) between two commits, without the first and the last ticks."""
    seen: list[tuple[float, int]] = []
    while not seen or seen[-1][1] < END * total:
        done = committed(testbed.bootstrap, application, "ticks")
        if done > BEGIN * total:
            seen.append((time.monotonic(), done))
        time.sleep(0.1)
    (begin, first), *_, (end, last) = seen
    return (last - first) / (end - begin)


if __name__ == "__main__":
    main()
