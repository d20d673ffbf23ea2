"""Speed of a restore without local state, relative to reading the changelog.

The rows are the product's own: a worker folds one tick for each. Then, in turns, each in a new
process: all partitions are restored into empty stores, and the same records are read with aiokafka
alone (`ratio` is the one rate over the other). Finally a worker with an empty data directory
starts: the time until it is ready and its log lines of each partition are printed.

usage: restore.py [--rows 1000000] [--partitions 3] [--rounds 3] [--standbys 0] [--profile]
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.testbed import APPLICATION, Testbed


def main() -> None:
    """Fill, read, restore, print."""
    args = _arguments()
    with Testbed(partitions=args.partitions, TABLE_STANDBY_REPLICAS=args.standbys) as testbed:
        testbed.fill_rows(args.rows)
        for number in range(args.rounds):
            print(f"round {number + 1}: {_round(testbed, number)}", flush=True)
        if args.profile:
            print(_cold(testbed, "profile", testbed.directory / "profiled"))
        print(_worker(testbed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--standbys", type=int, default=0)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _round(testbed: Testbed, number: int) -> str:
    read, read_seconds = _figures(_cold(testbed, "read", testbed.directory))
    rows, seconds = _figures(_cold(testbed, "restore", testbed.directory / f"restored-{number}"))
    if rows != read:
        raise RuntimeError(f"{rows:,} records restored, {read:,} are in the changelog")
    rate, floor = rows / seconds, read / read_seconds
    return (
        f"{rows:,} rows restored in {seconds:.2f} s, {rate:,.0f} rows/s; "
        f"aiokafka alone {floor:,.0f} records/s, ratio {rate / floor:.2f}"
    )


def _figures(text: str) -> tuple[int, float]:
    records, seconds = text.split()
    return int(records), float(seconds)


def _cold(testbed: Testbed, mode: str, directory: Path) -> str:
    settings = {"BROKER_URL": testbed.bootstrap, "TICKSTREAM_APP_ID": APPLICATION}
    return subprocess.run(
        [sys.executable, "-m", "bench.cold_restore", mode, directory],
        env=os.environ | testbed.environment | settings,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def _worker(testbed: Testbed) -> str:
    begun = time.perf_counter()
    with testbed.worker() as worker:
        seconds = time.perf_counter() - begun
        lines = [line for line in worker.log.splitlines() if "Restored" in line]
    return "\n".join([*lines, f"a worker without local state is ready after {seconds:.1f} s"])


if __name__ == "__main__":
    main()
