"""How many ticks a second one worker folds, beside the floor of Python, in one run.

The work: JSON ticks in 3 partitions, windows with a changelog in the RocksDB store, transactional
checkpoints, changed windows published. The windows are compared with an independent computation
before the time counts. Of several kinds of windows each is compared with the first: what a
record costs must not grow with size / advance.

usage: throughput.py [--ticks 5000000] [--windows 5m ...] [--pipelines candles] [--rounds 1]
                     [--symbols 500] [--step 10]

`--step` is the event time between two ticks, in ms. Windows that overlap more than 60 times are
published on close, one result for each key and advance.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import psutil
from confluent_kafka import Consumer, TopicPartition

from app.embedded import LocalBroker
from app.embedded.ports import free
from app.state.window_table import MAX_OVERLAP
from app.windows import parse_windows
from bench.market import fill
from tests import truth

PARTITIONS = 3

#: Seconds without a result after which all are taken to be published.
SILENCE = 2.5

#: TICKSTREAM_GRACE, ms.
GRACE = 300_000


def main() -> None:
    """Run the rounds and print a line each."""
    args = _arguments()
    with tempfile.TemporaryDirectory() as name, LocalBroker(Path(name) / "kafka") as kafka:
        data = Path(name) / "data"
        _faust("topics", _environment(kafka, args.windows[0], args))
        print(f"writing {args.ticks:,} ticks ...", flush=True)
        fill(kafka.bootstrap, "ticks", args.ticks, symbols=args.symbols, step=args.step)
        _pin(kafka.pid, 0)
        for number in range(args.rounds):
            floor = args.ticks / _floor(kafka.bootstrap, args.ticks)
            first = 0.0
            for kind, windows in enumerate(args.windows):
                environment = _environment(kafka, windows, args)
                worker = Worker(environment, data, f"bench{number}-{kind}")
                rate, cpu, memory = worker.measure(kafka.bootstrap, args.ticks)
                first = first or rate
                print(
                    f"round {number + 1}, {windows}: {rate:,.0f} ticks/s, "
                    f"{cpu / args.ticks * 1e6:.1f} CPU-s per million, {memory >> 20} MB; "
                    f"the floor {floor:,.0f} ticks/s, ratio {rate / floor:.2f}; "
                    f"a tick costs {first / rate:.2f} times one of {args.windows[0]}",
                    flush=True,
                )
        for windows in args.windows:
            _check(kafka.bootstrap, windows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=5_000_000)
    parser.add_argument("--windows", nargs="+", default=["5m"])
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--step", type=int, default=10)
    parser.add_argument("--pipelines", default="candles")
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


def _environment(kafka: LocalBroker, windows: str, args: argparse.Namespace) -> dict[str, str]:
    return os.environ | {
        "BROKER_URL": kafka.bootstrap,
        "TOPIC_PARTITIONS": str(PARTITIONS),
        "TICKSTREAM_WINDOWS": windows,
        "TICKSTREAM_GRACE": f"{GRACE}ms",
        "TICKSTREAM_PIPELINES": args.pipelines,
        "WEB_PORT": str(free()),
    }


def _faust(*command: str | dict[str, str]) -> None:
    *words, environment = command
    faust = Path(sys.executable).with_name("faust")
    subprocess.run([faust, "-A", "app", *words], env=environment, check=True, capture_output=True)


def _pin(pid: int | None, core: int) -> None:
    """Keep a process on one core, where the system can and there are two."""
    if pid and hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        for thread in psutil.Process(pid).threads():
            os.sched_setaffinity(thread.id, {core})


def _floor(bootstrap: str, ticks: int) -> float:
    command = [sys.executable, Path(__file__).with_name("floor.py"), bootstrap, "ticks", str(ticks)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Worker:
    """One worker, measured from its first commit to the one that has all ticks."""

    def __init__(self, environment: dict[str, str], data: Path, name: str) -> None:
        shutil.rmtree(data, ignore_errors=True)
        self.name = name
        self.environment = environment | {"APP_DATADIR": str(data), "TICKSTREAM_APP_ID": name}

    def measure(self, bootstrap: str, ticks: int) -> tuple[float, float, int]:
        """Give ticks/s, CPU seconds and the peak of memory in bytes."""
        faust = Path(sys.executable).with_name("faust")
        process = subprocess.Popen(
            [faust, "-A", "app", "worker", "-l", "warn"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _pin(process.pid, 1)
            rate = self._rate(bootstrap, ticks, process)
            used = psutil.Process(process.pid)
            cpu = used.cpu_times()
            return rate, cpu.user + cpu.system, used.memory_info().rss
        finally:
            process.terminate()
            process.wait(30)

    def _rate(self, bootstrap: str, ticks: int, process: subprocess.Popen) -> float:
        group = {"bootstrap.servers": bootstrap, "group.id": self.name, "enable.auto.commit": False}
        consumer = Consumer(group)
        partitions = [TopicPartition("ticks", number) for number in range(PARTITIONS)]
        ends = [consumer.get_watermark_offsets(each)[1] for each in partitions]
        first: tuple[float, int] | None = None
        while process.poll() is None:
            offsets = [max(each.offset, 0) for each in consumer.committed(partitions, timeout=10)]
            now, done = time.perf_counter(), sum(offsets)
            if first is None and done:
                first = now, done
            if first and offsets == ends:
                quiet = self._published(consumer, now)
                consumer.close()
                return (ticks - first[1]) / (quiet - first[0])
            time.sleep(0.02)
        raise RuntimeError(f"the worker ended with {process.returncode}")

    @staticmethod
    def _published(consumer: Consumer, since: float) -> float:
        """Wait until nothing more is published; give when the last result was (s), or `since`."""
        candles = [TopicPartition("candles", number) for number in range(PARTITIONS)]
        before, last = [0], since
        while time.perf_counter() - last < SILENCE:
            ends = [consumer.get_watermark_offsets(each)[1] for each in candles]
            if ends != before:
                before, last = ends, time.perf_counter()
            time.sleep(0.02)
        return last


def _check(bootstrap: str, windows: str) -> None:
    ticks, found = truth.ticks(bootstrap), truth.published(bootstrap)
    for window in parse_windows(windows):
        size = pl.col("size") == window.size
        these = found.filter(size & (pl.col("advance") == window.advance))
        # Of windows that overlap very often, some starts: the rest would not fit into memory.
        step = max(window.advance, window.size // 15)
        these = these.filter(pl.col("start") % step == 0).with_columns(advance=pl.lit(step))
        expected = truth.candles(ticks, window.size, step, GRACE)
        if window.size // window.advance > MAX_OVERLAP:
            expected = _final(expected, ticks)
        wrong = len(truth.differences(expected, these))
        print(f"windows of {window}: {len(expected):,} compared, wrong: {wrong}")


def _final(windows: pl.DataFrame, ticks: pl.DataFrame) -> pl.DataFrame:
    """Give the windows that stream time has left behind by the grace."""
    reached = ticks.group_by("partition").agg(reached=pl.col("time").max() - GRACE)
    joined = windows.join(reached, on="partition")
    return joined.filter(pl.col("end") <= pl.col("reached")).drop("reached")


if __name__ == "__main__":
    main()
