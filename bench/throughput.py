"""How many ticks a second one worker folds, beside the floor of Python, in one run.

The work: JSON ticks of 500 symbols in 3 partitions, 5-minute tumbling windows with a changelog in
the RocksDB store, transactional checkpoints, changed windows published. The windows are compared
with an independent computation before the time counts.

usage: throughput.py [--ticks 5000000] [--windows 5m] [--pipelines candles] [--rounds 1]
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
from app.windows import parse_windows
from bench.market import fill
from tests import truth

PARTITIONS = 3


def main() -> None:
    """Run the rounds and print a line each."""
    args = _arguments()
    with tempfile.TemporaryDirectory() as name, LocalBroker(Path(name) / "kafka") as kafka:
        environment = _environment(kafka, args)
        _faust("topics", environment)
        print(f"writing {args.ticks:,} ticks ...", flush=True)
        fill(kafka.bootstrap, "ticks", args.ticks)
        _pin(kafka.pid, 0)
        for number in range(args.rounds):
            floor = args.ticks / _floor(kafka.bootstrap, args.ticks)
            worker = Worker(environment, Path(name) / "data", f"bench{number}")
            rate, cpu, memory = worker.measure(kafka.bootstrap, args.ticks)
            print(
                f"round {number + 1}: {rate:,.0f} ticks/s, {cpu / args.ticks * 1e6:.1f} CPU-s per "
                f"million, {memory >> 20} MB; the floor {floor:,.0f} ticks/s; "
                f"ratio {rate / floor:.2f}",
                flush=True,
            )
        _check(kafka.bootstrap, args.windows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=5_000_000)
    parser.add_argument("--windows", default="5m")
    parser.add_argument("--pipelines", default="candles")
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


def _environment(kafka: LocalBroker, args: argparse.Namespace) -> dict[str, str]:
    return os.environ | {
        "BROKER_URL": kafka.bootstrap,
        "TOPIC_PARTITIONS": str(PARTITIONS),
        "TICKSTREAM_WINDOWS": args.windows,
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
                consumer.close()
                return (ticks - first[1]) / (now - first[0])
            time.sleep(0.02)
        raise RuntimeError(f"the worker ended with {process.returncode}")


def _check(bootstrap: str, windows: str) -> None:
    ticks, found = truth.ticks(bootstrap), truth.published(bootstrap)
    for window in parse_windows(windows):
        size = pl.col("size") == window.size
        these = found.filter(size & (pl.col("advance") == window.advance))
        expected = truth.candles(ticks, window.size, window.advance, 300_000)
        wrong = len(truth.differences(expected, these))
        print(f"windows of {window}: {len(expected):,}, wrong: {wrong}")


if __name__ == "__main__":
    main()
