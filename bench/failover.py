"""Pause of results when a worker dies, leaves, joins or restarts under a steady load.

The pause of a partition is the longest time between two of its commits, measured by polling the
group's offsets every 20 ms; an undisturbed worker commits every 200 ms. In one run, one after the
other: a third worker joins two, it leaves (SIGTERM), one of two is killed, and one of two static
members (CONSUMER_GROUP_INSTANCE_ID) restarts. At the end every window is compared with the truth.

usage: failover.py [--rate 20000] [--rows 0] [--standbys 0] [--partitions 6] [--calm 5]
                   [--heartbeat 0.3] [--logs DIRECTORY]

`--rows` fills the table first; with `--standbys` other workers keep copies of its partitions.
`--logs` keeps the logs of the workers.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import Load
from bench.monitors import CommitMonitor
from bench.testbed import APPLICATION, GRACE, MINUTE, Testbed
from tests import truth
from tests.workers import Worker, until

#: Target (s) for the longest pause of a moved partition.
TARGETS = {"join": 1.0, "leave": 2.0, "kill -9": 8.0}

#: Time-out (s) for the workers to become steady again.
SETTLE_TIMEOUT = 120.0

#: Lag (ticks) at which workers under load count as caught up.
MAX_LAG = 60_000


class Drill:
    """Workers under load, and the pauses of their commits."""

    def __init__(self, testbed: Testbed, commits: CommitMonitor, calm: float) -> None:
        self._scene = testbed
        self._commits = commits
        self._calm = calm
        self._static = 0

    def start(self, number: int = 1, *, static: bool = False) -> list[Worker]:
        """Start workers together; wait until they have caught up and share the partitions."""
        workers = [self._new(static=static) for _ in range(number)]
        for worker in workers:
            worker.start(wait=False)
        for worker in workers:
            worker.wait_ready(SETTLE_TIMEOUT)
        until(lambda: all(owned(worker) for worker in workers), SETTLE_TIMEOUT)
        self._scene.wait_caught_up(workers[0], within=MAX_LAG)
        return workers

    def measure(
        self, name: str, before: list[Worker], event: Callable[[], list[Worker]]
    ) -> list[Worker]:
        """Run `event`, which returns the workers after it, and print the pauses of results.

        A partition has moved if another worker owns it afterwards. If none has moved, as after a
        restart, the pauses of all partitions count.
        """
        begun = time.monotonic()
        until(lambda: self._settled(before, begun), SETTLE_TIMEOUT)
        calm = time.monotonic()
        time.sleep(self._calm)  # the steady state that the measurement starts from
        owners = self._owners(before)
        usual = max(self._commits.pauses(calm).values())
        begun = time.monotonic()
        after = event()
        happened = time.monotonic()
        until(lambda: self._settled(after, happened), SETTLE_TIMEOUT)
        time.sleep(self._calm)  # a second rebalance would show
        until(lambda: self._settled(after, time.monotonic() - self._calm), SETTLE_TIMEOUT)
        pauses = self._commits.pauses(begun)
        now = self._owners(after)
        moved = [n for n in self._scene.partitions if owners[n] != now[n]]
        target = f" (target {TARGETS[name]:.0f} s)" if name in TARGETS else ""
        longest = [pauses[n] for n in moved or pauses]
        print(
            f"{name}: {len(moved)} partitions moved, longest pause {max(longest):.2f} s{target}, "
            f"median {statistics.median(longest):.2f} s; of all partitions "
            f"{max(pauses.values()):.2f} s; before the event {usual:.2f} s",
            flush=True,
        )
        return after

    def _new(self, *, static: bool) -> Worker:
        if not static:
            return self._scene.worker()
        self._static += 1
        return self._scene.worker(CONSUMER_GROUP_INSTANCE_ID=f"bench-{self._static}")

    def _settled(self, workers: list[Worker], since: float) -> bool:
        """Return whether all partitions are open and have advanced twice after `since`."""
        owners = self._owners(workers)
        return len(owners) == len(self._scene.partitions) and self._commits.moved_since(since)

    @staticmethod
    def _owners(workers: list[Worker]) -> dict[int, int]:
        return {number: worker.port for worker in workers for number in owned(worker)}


def owned(worker: Worker) -> list[int]:
    """Return the open partitions of a worker. Raises OSError if it does not answer."""
    return worker.get("/readyz")[1]["tables"]["candles"]["open"]


def main() -> None:
    """Measure each event, then compare all windows."""
    args = _arguments()
    settings = {
        "TABLE_STANDBY_REPLICAS": args.standbys,
        "BROKER_HEARTBEAT_INTERVAL": args.heartbeat,
    }
    with Testbed(partitions=args.partitions, **settings) as testbed, _keep_logs(testbed, args.logs):
        if args.rows:
            testbed.fill_rows(args.rows)
        commits = CommitMonitor(testbed.bootstrap, APPLICATION, testbed.partitions)
        with Load(testbed.bootstrap, rate=args.rate) as load, commits:
            _events(Drill(testbed, commits, args.calm))
            load.end()
        with testbed.worker() as worker:
            testbed.wait_caught_up(worker)
        print(f"{load.sent:,} ticks at {args.rate:,}/s, {args.rows:,} rows before")
        _compare(testbed.bootstrap)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--standbys", type=int, default=0)
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--calm", type=float, default=5.0)
    parser.add_argument("--heartbeat", type=float, default=0.3)
    parser.add_argument("--logs", type=Path)
    return parser.parse_args()


def _events(drill: Drill) -> None:
    workers = drill.start(2)
    workers = drill.measure("join", workers, lambda: [*workers, *drill.start()])
    workers = drill.measure("leave", workers, lambda: _without_last(workers, Worker.stop))
    workers = drill.measure("kill -9", workers, lambda: _without_last(workers, Worker.kill))
    workers[0].stop()
    workers = drill.start(2, static=True)
    workers = drill.measure("restart, static", workers, lambda: _restarted(workers))
    for worker in workers:
        worker.stop()


def _without_last(workers: list[Worker], end: Callable[[Worker], object]) -> list[Worker]:
    end(workers[-1])
    return workers[:-1]


def _restarted(workers: list[Worker]) -> list[Worker]:
    workers[-1].restart()
    return workers


@contextmanager
def _keep_logs(testbed: Testbed, directory: Path | None) -> Iterator[None]:
    """Copy the workers' logs in any case."""
    try:
        yield
    finally:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            for log in testbed.directory.glob("*.log"):
                shutil.copy(log, directory)


def _compare(bootstrap: str) -> None:
    expected = truth.candles(truth.ticks(bootstrap), MINUTE, MINUTE, GRACE)
    wrong = len(truth.differences(expected, truth.published(bootstrap)))
    print(f"{len(expected):,} windows compared, wrong: {wrong}: {'NOT ' * bool(wrong)}exact")


if __name__ == "__main__":
    main()
