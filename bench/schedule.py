"""Open-loop schedule of ticks: each has a due time, whatever happened to the ticks before.

A measurement computes the same ticks again, so the latency of a tick that was sent late counts
from its due time. A separate process makes the ticks first and then sends each when it is due:

    schedule = Schedule(rate=20_000, seconds=30, warm_up=10)
    with Sender(bootstrap, "ticks", schedule) as sender:
        sender.start                # s since the epoch, of the first tick's due time
        while sender.running: ...
    schedule.ticks(sender.start)
"""

import argparse
import gc
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import msgspec
import polars as pl
import psutil
from confluent_kafka import Producer

#: Seconds between two sends; the ticks due by then are sent together.
SEND_INTERVAL = 0.004

#: Least rate (ticks/s) during the warm-up: compilers need work.
WARM_RATE = 5_000

#: Time (s) reserved for making a tick, and for starting.
MAKING, STARTING = 4e-6, 1.0

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Schedule:
    """A number of ticks per second for some seconds, after a warm-up."""

    rate: int
    #: Seconds measured, and seconds of warm-up before.
    seconds: float
    warm_up: float
    symbols: int = 300
    seed: int = 1

    @property
    def warming(self) -> int:
        """Number of ticks in the warm-up."""
        return int(self.warm_up * max(self.rate, WARM_RATE))

    @property
    def count(self) -> int:
        """Number of ticks, including the warm-up."""
        return self.warming + int(self.seconds * self.rate)

    @property
    def names(self) -> list[str]:
        """Symbols."""
        return [f"SYM{number:04d}" for number in range(self.symbols)]

    def choices(self) -> list[str]:
        """Return the symbol of each tick."""
        return random.Random(self.seed).choices(self.names, k=self.count)

    def due(self) -> list[float]:
        """Return each tick's due time relative to the first (s), ascending."""
        warming, warm_rate = self.warming, max(self.rate, WARM_RATE)
        before = [number / warm_rate for number in range(warming)]
        return before + [
            self.warm_up + number / self.rate for number in range(self.count - warming)
        ]

    def ticks(self, start: float) -> pl.DataFrame:
        """Return the ticks in order: `symbol`, `due` (s since the epoch), `time` (event time, ms).

        `counts` is true for the ticks after the warm-up.
        """
        frame = pl.DataFrame({"symbol": self.choices(), "due": self.due()})
        return frame.with_row_index("number").select(
            "symbol",
            due=pl.col("due") + start,
            time=((pl.col("due") + start) * 1000).cast(pl.Int64),
            counts=pl.col("number") >= self.warming,
        )


class Sender:
    """Process that sends ticks; used in `with`."""

    def __init__(self, bootstrap: str, topic: str, schedule: Schedule) -> None:
        self._command = [sys.executable, "-m", "bench.schedule", bootstrap, topic]
        self._command += [f"--{name.replace('_', '-')}={v}" for name, v in asdict(schedule).items()]
        #: Due time of the first tick (s since the epoch).
        self.start = 0.0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        self.start = float(line)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def process(self) -> psutil.Process:
        """The process."""
        return psutil.Process(self._process.pid)

    @property
    def running(self) -> bool:
        """Whether the process is still sending. Raises RuntimeError if it could not send all."""
        if self._process.poll():
            raise RuntimeError(f"the load ended with {self._process.returncode}")
        return self._process.returncode is None


def main() -> None:
    """Make the ticks, send each when it is due, exit when all are acknowledged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warm-up", type=float, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = vars(parser.parse_args())
    bootstrap, topic = args.pop("bootstrap"), args.pop("topic")
    _send(bootstrap, topic, Schedule(**args))


def _send(bootstrap: str, topic: str, schedule: Schedule) -> None:
    start = time.time() + STARTING + MAKING * schedule.count
    print(start, flush=True)
    ticks = schedule.ticks(start)
    keys, due = ticks["symbol"].to_list(), ticks["due"].to_list()
    values = [
        tick(symbol, 100 + number % 10_007 / 100, 1 + number % 97, at)
        for number, (symbol, at) in enumerate(zip(keys, ticks["time"], strict=True))
    ]
    producer, sent, count = _producer(bootstrap), 0, len(due)
    gc.disable()  # millions of objects, of which none is garbage
    while sent < count:
        time.sleep(SEND_INTERVAL)
        now = time.time()
        while sent < count and due[sent] <= now:
            producer.produce(topic, values[sent], keys[sent])
            sent += 1
        producer.poll(0)
    if producer.flush(60):
        sys.exit(1)


def tick(symbol: str, price: float, size: int, at: int) -> bytes:
    """Encode a tick as JSON."""
    return msgspec.json.encode({"symbol": symbol, "price": price, "size": size, "time": at})


def _producer(bootstrap: str) -> Producer:
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            # Ticks are batched by the sends already; lingering would count as latency.
            "linger.ms": 0.5,
            "compression.type": "none",
            "queue.buffering.max.messages": 2_000_000,
            # Not idempotent: librdkafka then spins while its five requests are on their way, on the
            # core that the broker needs to answer them (0.9 of it; 0.1 without).
            "max.in.flight": 1,
        }
    )


if __name__ == "__main__":
    main()
