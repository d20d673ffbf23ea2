"""Growth during hours of load: memory, open files, threads, store and changelog of workers.

The event time of a steady load runs faster than the clock, so that windows become final and rows
expire all the time; a part of the ticks has symbols that occur only once. Each final candle of a
minute is compared with an independent computation during the run. Samples are printed once a
minute. At the end a straight line is fitted to the last half of the samples: its slope per hour is
printed, and it is flat if it rises by less than the tolerance over those samples.

usage: soak.py [--hours 1 | --minutes N] [--rate 5000] [--speed 60] [--retention 1h]
               [--once 0.02] [--workers 1] [--standbys 0] [--nice 10]

The changelog is printed only: the broker keeps tombstones for a day
(`delete.retention.ms`), and compacts when it sees fit.
"""

import argparse
import os
import time
from statistics import fmean, linear_regression
from typing import NamedTuple

from bench.continuous_check import ContinuousCheck
from bench.load import Load, now
from bench.monitors import usage
from bench.testbed import APPLICATION, GRACE, MINUTE, Testbed, size_of
from tests.progress import lag
from tests.workers import Worker

#: Seconds between two samples, and between two printed lines.
SAMPLE, LINE = 10.0, 60.0

#: A measure is flat if it rises by at most this share of its mean, or by at most this amount.
TOLERANCE = {"rss": 0.05, "files": 0.0, "threads": 0.0, "store": 0.15}
SLACK = {"rss": 5 << 20, "files": 3, "threads": 1, "store": 4 << 20}

#: Retention of ticks and candles on the broker: a long run must not fill the disk.
RETENTION = {"retention_bytes": 256 << 20, "segment_bytes": 64 << 20}


class Sample(NamedTuple):
    """Totals of the workers at one moment."""

    at: float
    rss: int
    files: int
    threads: int
    store: int
    changelog: int
    lag: int


def main() -> None:
    """Run for the given time, then fit the lines and print the result."""
    args = _arguments()
    os.nice(args.nice)  # of the broker and the workers too
    seconds = 60 * args.minutes if args.minutes else 3600 * args.hours
    settings = {
        "TICKSTREAM_RETENTION": args.retention,
        "TABLE_STANDBY_REPLICAS": args.standbys,
    }
    with Testbed(partitions=3, windows="1m,5m,15m,5m/1m", **settings) as testbed:
        for topic in "ticks", "candles":
            testbed.configure(topic, **RETENTION)
        workers = [testbed.worker().start() for _ in range(args.workers)]
        # Event time ends about now, so that no tick is ahead of the clock.
        start = now() - int(1000 * args.speed * (seconds + 300))
        check = ContinuousCheck(testbed.bootstrap, testbed.partitions, size=MINUTE, grace=GRACE)
        load = Load(
            testbed.bootstrap,
            rate=args.rate,
            symbols=args.symbols,
            start=start,
            speed=args.speed,
            disorder=2 * MINUTE,
            once=args.once,
        )
        with check:
            with load:
                samples = _watch(testbed, workers, check, seconds)
            testbed.wait_caught_up(workers[0])
            check.finish()
        for worker in workers:
            worker.stop()
    _report(samples)
    print(f"{load.sent:,} ticks, {check.compared:,} final windows, wrong: {check.wrong}")
    print(*check.errors, sep="\n", end="")
    raise SystemExit(bool(check.wrong))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--speed", type=float, default=60)
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--retention", default="1h")
    parser.add_argument("--once", type=float, default=0.02)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--standbys", type=int, default=0)
    parser.add_argument("--nice", type=int, default=10)
    return parser.parse_args()


def _watch(
    testbed: Testbed, workers: list[Worker], check: ContinuousCheck, seconds: float
) -> list[Sample]:
    """Sample until the time is over; print one line per minute."""
    samples: list[Sample] = []
    begun = time.monotonic()
    line = 0.0
    while (past := time.monotonic() - begun) < seconds:
        samples.append(_sample(testbed, workers, past))
        if past >= line:
            _print(samples[-1], check)
            line += LINE
        time.sleep(SAMPLE)
    return samples


def _sample(testbed: Testbed, workers: list[Worker], past: float) -> Sample:
    for worker in workers:
        if not worker.running:
            raise RuntimeError(f"a worker ended with {worker.exit_code}:\n{worker.tail()}")
    used = [usage(worker.process.pid) for worker in workers if worker.process]
    rss, files, threads = (sum(each) for each in zip(*used, strict=True))
    return Sample(
        past,
        rss,
        files,
        threads,
        store=sum(size_of(worker.data / "tables") for worker in workers),
        changelog=testbed.topic_bytes(f"{APPLICATION}-candles-changelog"),
        lag=lag(testbed.bootstrap, APPLICATION, "ticks"),
    )


def _print(sample: Sample, check: ContinuousCheck) -> None:
    print(
        f"{sample.at / 60:5.1f} min: RSS {sample.rss / 2**20:.0f} MB, {sample.files} files, "
        f"{sample.threads} threads, store {sample.store / 2**20:.1f} MB, "
        f"changelog {sample.changelog / 2**20:.0f} MB, lag {sample.lag:,} ticks; "
        f"{check.compared:,} windows compared, {check.waiting:,} waiting, "
        f"wrong: {check.wrong}",
        flush=True,
    )


def _report(samples: list[Sample]) -> None:
    """Fit a line to the last half of each measure and print the result."""
    half = samples[len(samples) // 2 :]
    if len(half) < 3:
        print("The run was too short to fit a line")
        return
    hours = [sample.at / 3600 for sample in half]
    span = hours[-1] - hours[0]
    print(f"over the last {60 * span:.0f} minutes:")
    for name in ("rss", "files", "threads", "store", "changelog"):
        values = [float(getattr(sample, name)) for sample in half]
        slope, mean = linear_regression(hours, values).slope, fmean(values)
        verdict = _verdict(name, slope * span, mean)
        print(f"  {name}: mean {mean:,.0f}, slope {slope:+,.0f} an hour{verdict}")


def _verdict(name: str, rise: float, mean: float) -> str:
    if name not in TOLERANCE:
        return ""
    allowed = max(TOLERANCE[name] * mean, SLACK[name])
    flat = "flat" if rise <= allowed else "NOT FLAT"
    return f"; rose {rise:+,.0f}, allowed {allowed:,.0f}: {flat}"


if __name__ == "__main__":
    main()
