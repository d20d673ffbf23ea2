"""Cost of a tick with more workers, more partitions, more keys.

Each dimension is varied from one base: one worker, 12 partitions, 1,000 keys. All workers share
one core and the broker has the other, so more workers are not faster: their cost is the CPU time
that they add to a tick. A key has about the same number of ticks per window (`--per-row`) whatever
the number of keys, if there are enough ticks. Windows of 5 min, with changelog, store, checkpoints
and publication as by default. The first third is warm-up.

usage: scale.py [--ticks 3000000] [--workers 1 2 4] [--partitions 1 12 48]
                [--keys 1000 100000 1000000] [--standbys 0] [--per-row 30] [--json FILE]
                [--environment NAME=VALUE ...]
"""

import argparse
import json
import re
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import stamina
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from bench.failover import owned
from bench.machine import describe
from bench.monitors import PeakMemory, processor_time, usage
from bench.program import pin
from bench.testbed import APPLICATION, GRACE, Testbed, size_of
from bench.ticks import START, fill
from eventfold.engine.store import Store
from tests.workers import Worker, until

WINDOW = 300_000

#: Event time of the first tick: the start of a window.
FIRST = START - START % WINDOW

#: The base case.
WORKERS, PARTITIONS, KEYS = 1, 12, 1_000

#: Cores of the broker and of all workers.
BROKER, OURS = 0, 1

#: Seconds between two polls; seconds without a result after which all are published.
POLL_INTERVAL, SILENCE = 0.05, 2.5

CHANGELOG = f"{APPLICATION}-candles-changelog"


class Case(NamedTuple):
    """One case of the measurement."""

    workers: int
    partitions: int
    keys: int


@dataclass(frozen=True)
class Figures:
    """Figures of a case, summed over the workers unless noted."""

    workers: int
    partitions: int
    keys: int
    ticks: int
    #: Ticks/s, and CPU seconds per million ticks of the workers and of the broker.
    rate: float
    cpu: float
    broker_cpu: float
    #: Memory (bytes) of the workers: idle, at the end, peak.
    idle: int
    rss: int
    peak: int
    #: Rows of the table (one per key and window), and rows of windows that are not final yet.
    rows: int
    open_rows: int
    #: Rows and results written per tick.
    rows_per_tick: float
    results_per_tick: float
    #: Bytes on disk per row of the store, per row written to the changelog, per result.
    store_bytes: float
    changelog_bytes: float
    result_bytes: float
    #: Number of checkpoints and mean duration (ms).
    checkpoints: int
    checkpoint_ms: float

    @property
    def bytes_per_open_row(self) -> float:
        """Memory (bytes) per row of a window that is not final; NaN with fewer than 50,000 rows."""
        return (self.rss - self.idle) / self.open_rows if self.open_rows >= 50_000 else float("nan")


def main() -> None:
    """Measure each case, print one line per case, write all of them."""
    args = _arguments()
    print(_head())
    rows = []
    for case in _cases(args):
        rows.append(_measure(case, args))
        print(_line(rows[-1]), flush=True)
    args.json.parent.mkdir(exist_ok=True)
    results = {"machine": describe(), "figures": list(map(asdict, rows))}
    args.json.write_text(json.dumps(results, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=3_000_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--partitions", type=int, nargs="*", default=[1, 12, 48])
    parser.add_argument("--keys", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--standbys", type=int, default=0)
    parser.add_argument("--per-row", type=int, default=30, help="ticks of a key in a window")
    parser.add_argument("--environment", nargs="*", default=[], help="settings of the workers")
    parser.add_argument("--json", type=Path, default=Path("bench/results/scale.json"))
    return parser.parse_args()


def _cases(args: argparse.Namespace) -> list[Case]:
    """Return the cases, each once, in the order asked for."""
    workers = (Case(number, PARTITIONS, KEYS) for number in args.workers)
    partitions = (Case(WORKERS, number, KEYS) for number in args.partitions)
    keys = (Case(WORKERS, PARTITIONS, number) for number in args.keys)
    return list(dict.fromkeys(chain(workers, partitions, keys)))


# -- one case


def _measure(case: Case, args: argparse.Namespace) -> Figures:
    settings = dict(setting.split("=", 1) for setting in args.environment)
    settings |= {"TABLE_STANDBY_REPLICAS": str(args.standbys), "BROKER_SESSION_TIMEOUT": "120"}
    # Long enough for a key to have its ticks in each window.
    step = WINDOW * max(1, args.ticks // (args.per_row * case.keys)) / args.ticks
    with Testbed(partitions=case.partitions, windows="5m", **settings) as testbed:
        pin(testbed.broker.pid or 0, BROKER)
        workers = [_started(testbed) for _ in range(case.workers)]
        until(lambda: sum(len(owned(worker)) for worker in workers) == case.partitions, 60)
        until(lambda: all(map(owned, workers)), 60)
        idle = _rss(workers)
        # Written while the workers are paused, so that all of them fold at full speed.
        for worker in workers:
            worker.pause()
        fill(testbed.bootstrap, "ticks", args.ticks, symbols=case.keys, step=step, start=FIRST)
        with ExitStack() as ending:
            peaks = [ending.enter_context(PeakMemory(pid)) for pid in _pids(workers)]
            for worker in workers:
                worker.resume()
            monitor = FoldMonitor(testbed, _pids(workers), args.ticks)
            monitor.run()
        rss, metrics = _rss(workers), _metrics(workers)
        for worker in workers:
            worker.stop(60)
        final = FIRST + int(args.ticks * step) - GRACE
        rows, open_rows = _rows(workers, final - WINDOW + 1)
        # Each checkpoint adds a row and the marker of its transaction.
        written = monitor.end_of(CHANGELOG) - 2 * metrics.checkpoints
        return Figures(
            **case._asdict(),
            ticks=args.ticks,
            rate=round(monitor.rate),
            cpu=round(monitor.cpu, 3),
            broker_cpu=round(monitor.broker_cpu, 3),
            idle=idle,
            rss=rss,
            peak=sum(each.rss for each in peaks),
            rows=rows,
            open_rows=open_rows,
            rows_per_tick=round(written / args.ticks, 4),
            results_per_tick=round(metrics.results / args.ticks, 4),
            store_bytes=round(sum(size_of(worker.data) for worker in workers) / rows, 1),
            changelog_bytes=round(_log_bytes(testbed, CHANGELOG) / written, 1),
            result_bytes=round(_log_bytes(testbed, "candles") / metrics.results, 1),
            checkpoints=metrics.checkpoints,
            checkpoint_ms=round(1000 * metrics.seconds / metrics.checkpoints, 1),
        )


def _started(testbed: Testbed) -> Worker:
    worker = testbed.worker()
    worker.launcher = ["taskset", "-c", str(OURS)]
    return worker.start()


def _pids(workers: list[Worker]) -> list[int]:
    return [worker.process.pid for worker in workers if worker.process]


def _rss(workers: list[Worker]) -> int:
    return sum(usage(pid).rss for pid in _pids(workers))


class _Metrics(NamedTuple):
    """Sums over the `/metrics` of the workers."""

    checkpoints: int
    #: Total duration of the checkpoints (s).
    seconds: float
    results: int


def _metrics(workers: list[Worker]) -> _Metrics:
    text = "\n".join(worker.ask("/metrics").body.decode() for worker in workers)
    names = "checkpoint_seconds_count", "checkpoint_seconds_sum", "published_total"
    checkpoints, seconds, results = (
        sum(map(float, re.findall(rf"eventfold_{name}{{.*}} (.*)", text))) for name in names
    )
    return _Metrics(int(checkpoints), seconds, int(results))


def _rows(workers: list[Worker], first: int) -> tuple[int, int]:
    """Count the rows in the stores, and the rows from `first` (ms) on."""
    rows = open_rows = 0
    for path in chain.from_iterable(worker.data.rglob("candles-*") for worker in workers):
        store = Store(path)
        rows += sum(1 for _ in store.keys_between(0))
        open_rows += sum(1 for _ in store.keys_between(first))
        store.close()
    return rows, open_rows


def _log_bytes(testbed: Testbed, topic: str) -> int:
    """Return the bytes of a topic's records, without its indexes of 20 MB per partition."""
    logs = testbed.broker.data_dir / "kafka"
    return sum(path.stat().st_size for path in logs.glob(f"{topic}-[0-9]*/*.log"))


class FoldMonitor:
    """Monitor of the throughput and CPU time of workers that fold a topic."""

    def __init__(self, testbed: Testbed, pids: list[int], ticks: int) -> None:
        self._ticks = ticks
        # Clients live slightly longer than the broker: don't log lost connections.
        client: dict[str, Any] = {"bootstrap.servers": testbed.bootstrap, "log_level": 2}
        self._consumer = Consumer(client | {"group.id": APPLICATION, "enable.auto.commit": False})
        self._admin = AdminClient(client)
        self._partitions = testbed.partitions
        self._workers = [psutil.Process(pid) for pid in pids]
        self._broker = psutil.Process(testbed.broker.pid)
        #: Ticks/s, CPU seconds per million ticks.
        self.rate = self.cpu = self.broker_cpu = 0.0

    def run(self) -> None:
        """Wait until all ticks are folded, committed and published; set the figures."""
        begun = self._poll()
        while begun[0] < self._ticks / 3:
            time.sleep(POLL_INTERVAL)
            begun = self._poll()
        last, before = begun, -1
        while time.monotonic() - last[1] < SILENCE:
            time.sleep(POLL_INTERVAL)
            now = self._poll()
            results = self.end_of("candles") if now[0] == self._ticks else -1
            if results == -1 or results != before:
                last, before = now, results
        if last[0] == begun[0]:
            raise RuntimeError(f"{self._ticks:,} ticks are too few: one poll had all of them")
        done, seconds, cpu, broker_cpu = (b - a for a, b in zip(begun, last, strict=True))
        self.rate, self.cpu, self.broker_cpu = (
            done / seconds,
            cpu / done * 1e6,
            broker_cpu / done * 1e6,
        )

    @stamina.retry(on=KafkaException, timeout=30, attempts=None, wait_initial=POLL_INTERVAL)
    def end_of(self, topic: str) -> int:
        """Return the sum of the end offsets of a topic."""
        latest = {
            TopicPartition(topic, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for number in self._partitions
        }
        found = self._admin.list_offsets(latest, request_timeout=30)
        return sum(future.result().offset for future in found.values())

    @stamina.retry(on=KafkaException, timeout=30, attempts=None, wait_initial=POLL_INTERVAL)
    def _poll(self) -> tuple[float, float, float, float]:
        """Return ticks committed, the clock (s), CPU seconds of the workers and of the broker."""
        ticks = [TopicPartition("ticks", number) for number in self._partitions]
        done = sum(max(each.offset, 0) for each in self._consumer.committed(ticks, timeout=30))
        ours = sum(map(processor_time, self._workers))
        return done, time.monotonic(), ours, processor_time(self._broker)


# -- the table


def _head() -> str:
    columns = (
        "workers | partitions | keys | ticks/s | CPU-s/M | broker CPU-s/M | MB idle | MB | MB at "
        "most | rows | B/open row | rows/tick | results/tick | store B/row | changelog B/row | "
        "B/result | checkpoints | ms each"
    )
    return f"| {columns} |\n|{'---|' * (columns.count('|') + 1)}"


def _line(row: Figures) -> str:
    cells = [
        *(row.workers, row.partitions, f"{row.keys:,}", f"{row.rate:,.0f}", f"{row.cpu:.2f}"),
        *(f"{row.broker_cpu:.2f}", row.idle >> 20, row.rss >> 20, row.peak >> 20),
        *(
            f"{row.rows:,}",
            f"{row.bytes_per_open_row:,.0f}",
            row.rows_per_tick,
            row.results_per_tick,
        ),
        *(row.store_bytes, row.changelog_bytes, row.result_bytes),
        *(row.checkpoints, row.checkpoint_ms),
    ]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
