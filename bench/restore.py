"""How fast a worker without local state has its rows back, beside plainly reading the changelog.

The rows are the product's own: a worker folds one tick for each. Then, in turns, each in a
process of its own: all partitions restored into empty stores, and the same records read with
aiokafka alone (`ratio` is the one rate over the other). At last a worker with an empty data
directory starts: the time from its process to ready, and what it logs of each partition.

usage: restore.py [--rows 1000000] [--partitions 3] [--rounds 3] [--standbys 0] [--profile]
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.scene import APPLICATION, Scene


def main() -> None:
    """Fill, restore, read, print."""
    args = _arguments()
    with Scene(partitions=args.partitions, TABLE_STANDBY_REPLICAS=args.standbys) as scene:
        scene.fill_rows(args.rows)
        for number in range(args.rounds):
            print(f"round {number + 1}: {_round(scene, number)}", flush=True)
        if args.profile:
            print(_cold(scene, "profile", scene.directory / "profiled"))
        print(_worker(scene))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--standbys", type=int, default=0)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _round(scene: Scene, number: int) -> str:
    read, read_seconds = _figures(_cold(scene, "read", scene.directory))
    rows, seconds = _figures(_cold(scene, "restore", scene.directory / f"restored-{number}"))
    if rows != read:
        raise RuntimeError(f"{rows:,} records restored, {read:,} are in the changelog")
    rate, floor = rows / seconds, read / read_seconds
    return (
        f"{rows:,} rows restored in {seconds:.2f} s, {rate:,.0f} rows/s; "
        f"aiokafka alone {floor:,.0f} records/s, ratio {rate / floor:.2f}"
    )


def _figures(words: str) -> tuple[int, float]:
    records, seconds = words.split()
    return int(records), float(seconds)


def _cold(scene: Scene, how: str, directory: Path) -> str:
    settings = {"BROKER_URL": scene.bootstrap, "TICKSTREAM_APP_ID": APPLICATION}
    return subprocess.run(
        [sys.executable, "-m", "bench.cold", how, directory],
        env=os.environ | scene.environment | settings,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def _worker(scene: Scene) -> str:
    begun = time.perf_counter()
    with scene.worker() as worker:
        seconds = time.perf_counter() - begun
        said = [line for line in worker.log.splitlines() if "Restored" in line]
    return "\n".join([*said, f"a worker with nothing on disk is ready after {seconds:.1f} s"])


if __name__ == "__main__":
    main()
