"""What grows while workers run for hours: memory, open files, threads, the store, the changelog.

A steady load whose event time runs faster than the clock, so that windows become final and rows
outlive their retention all the time; a part of the ticks is of symbols that come once and never
again. Every final candle of a minute is compared with a second
computation as the run goes on. Printed once a minute; at the end a straight line through the last
half of the samples: the slope per hour, and whether it is flat, which is when the line rises by
less than the tolerance over the samples it was fitted to.

usage: soak.py [--hours 1 | --minutes N] [--rate 5000] [--speed 60] [--retention 1h]
               [--once 0.02] [--workers 1] [--standbys 0] [--nice 10]

The changelog is shown, and not judged: the broker keeps tombstones for a day
(`delete.retention.ms`), and compacts when it sees fit.
"""

import argparse
import os
import time
from statistics import fmean, linear_regression
from typing import NamedTuple

from bench.following import Follower
from bench.load import Load, now
from bench.scene import APPLICATION, GRACE, MINUTE, Scene, size_of
from bench.watching import usage
from tests.progress import lag
from tests.workers import Worker

#: Seconds between two samples, and between two lines.
SAMPLE, LINE = 10.0, 60.0

#: What rises by more than this share of its mean, or by more than so much, is not flat.
TOLERANCE = {"rss": 0.05, "files": 0.0, "threads": 0.0, "store": 0.15}
SLACK = {"rss": 5 << 20, "files": 3, "threads": 1, "store": 4 << 20}

#: What the broker keeps of a partition of ticks and candles: a long run must not fill the disk.
KEPT = {"retention_bytes": 256 << 20, "segment_bytes": 64 << 20}


class Sample(NamedTuple):
    """The workers together at one moment."""

    at: float
    rss: int
    files: int
    threads: int
    store: int
    changelog: int
    behind: int


def main() -> None:
    """Run for as long as was asked, then fit and print the result."""
    args = _arguments()
    os.nice(args.nice)  # of the broker and the workers too
    seconds = 60 * args.minutes if args.minutes else 3600 * args.hours
    settings = {
        "TICKSTREAM_RETENTION": args.retention,
        "TABLE_STANDBY_REPLICAS": args.standbys,
    }
    with Scene(partitions=3, windows="1m,5m,15m,5m/1m", **settings) as scene:
        for topic in "ticks", "candles":
            scene.configure(topic, **KEPT)
        workers = [scene.worker().start() for _ in range(args.workers)]
        # It ends about now, so that no tick is ahead of the clock.
        start = now() - int(1000 * args.speed * (seconds + 300))
        follower = Follower(scene.bootstrap, scene.partitions, size=MINUTE, grace=GRACE)
        load = Load(
            scene.bootstrap,
            rate=args.rate,
            symbols=args.symbols,
            start=start,
            speed=args.speed,
            disorder=2 * MINUTE,
            once=args.once,
        )
        with follower:
            with load:
                samples = _watch(scene, workers, follower, seconds)
            scene.caught_up(workers[0])
            follower.finish()
        for worker in workers:
            worker.stop()
    _report(samples)
    print(f"{load.sent:,} ticks, {follower.compared:,} final windows, wrong: {follower.wrong}")
    print(*follower.errors, sep="\n", end="")
    raise SystemExit(bool(follower.wrong))


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


def _watch(scene: Scene, workers: list[Worker], follower: Follower, seconds: float) -> list[Sample]:
    """Sample until the time is over; print a line a minute."""
    samples: list[Sample] = []
    begun = time.monotonic()
    line = 0.0
    while (past := time.monotonic() - begun) < seconds:
        samples.append(_sample(scene, workers, past))
        if past >= line:
            _print(samples[-1], follower)
            line += LINE
        time.sleep(SAMPLE)
    return samples


def _sample(scene: Scene, workers: list[Worker], past: float) -> Sample:
    for worker in workers:
        if not worker.running:
            raise RuntimeError(f"a worker ended with {worker.exit_code}:\n{worker.tail()}")
    used = [usage(worker.process.pid) for worker in workers if worker.process]
    return Sample(
        past,
        *map(sum, zip(*used, strict=True)),
        store=sum(size_of(worker.data / "tables") for worker in workers),
        changelog=scene.topic_bytes(f"{APPLICATION}-candles-changelog"),
        behind=lag(scene.bootstrap, APPLICATION, "ticks"),
    )


def _print(sample: Sample, follower: Follower) -> None:
    print(
        f"{sample.at / 60:5.1f} min: RSS {sample.rss / 2**20:.0f} MB, {sample.files} files, "
        f"{sample.threads} threads, store {sample.store / 2**20:.1f} MB, "
        f"changelog {sample.changelog / 2**20:.0f} MB, {sample.behind:,} ticks behind; "
        f"{follower.compared:,} windows compared, {follower.waiting:,} waiting, "
        f"wrong: {follower.wrong}",
        flush=True,
    )


def _report(samples: list[Sample]) -> None:
    """Fit a line through the last half of each measure and print the result."""
    half = samples[len(samples) // 2 :]
    if len(half) < 3:
        print("too short a run to fit a line")
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
