"""Steady load: a fixed number of ticks per second, whatever the workers do.

A separate process sends them by the clock until its input is closed:

    with Load(bootstrap, rate=20_000) as load:
        ...
    load.sent

Event time runs `speed` times as fast as the clock. A tick may be up to `disorder` ms behind. A
fraction `once` of the ticks has symbols that occur only once.
"""

import argparse
import random
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from bench.ticks import new_producer

#: Seconds between two sends.
SEND_INTERVAL = 0.005

REPOSITORY = Path(__file__).parents[1]


class LoadProcess:
    """Process of `python -m MODULE ARGUMENT...`, which ends when its input is closed."""

    def __init__(self, *command: str) -> None:
        self._command = command

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._command],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def output(self) -> str:
        """Close its input; return what it prints then."""
        return self._process.communicate(timeout=60)[0]


class Load(LoadProcess):
    """Process that sends ticks; used in `with`."""

    def __init__(
        self,
        bootstrap: str,
        *,
        rate: int,
        symbols: int = 500,
        start: int = 0,
        speed: float = 1.0,
        disorder: int = 1_000,
        once: float = 0.0,
    ) -> None:
        super().__init__(
            *("bench.load", bootstrap, f"--rate={rate}"),
            *(f"--symbols={symbols}", f"--start={start or now()}"),
            *(f"--speed={speed}", f"--disorder={disorder}", f"--once={once}"),
        )
        #: Number of ticks sent, known at the end.
        self.sent = 0

    def __exit__(self, *_exc_info: object) -> None:
        self.end()

    @property
    def running(self) -> bool:
        """Whether the process is still sending."""
        return self._process.poll() is None

    def end(self) -> None:
        """Stop sending and wait for all acknowledgements; idempotent."""
        if self._process.stdin and not self._process.stdin.closed:
            self.sent = int(self.output())


def now() -> int:
    """Return the current time (ms since the epoch)."""
    return int(time.time() * 1000)


def main() -> None:
    """Send until the input is closed, then print the number of ticks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("--start", type=int, required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--disorder", type=int, required=True)
    parser.add_argument("--once", type=float, required=True)
    args = parser.parse_args()
    print(_send(args))


def _send(args: argparse.Namespace) -> int:
    producer, chance = new_producer(args.bootstrap), random.Random(1)
    names = [f"SYM{number:04d}" for number in range(args.symbols)]
    begun, sent = time.monotonic(), 0
    # Per tick, not per send: a pause of this process leaves no gap in event time.
    step = 1000 * args.speed / args.rate
    while not select.select([sys.stdin], [], [], SEND_INTERVAL)[0]:
        due = int((time.monotonic() - begun) * args.rate)
        for number in range(sent, due):
            if args.once and chance.random() < args.once:
                name = f"ONCE{number:012d}"
            else:
                name = names[int(chance.random() * args.symbols)]
            at = int(args.start + number * step - chance.random() * args.disorder)
            price, size = 100 + number % 10_007 / 100, number % 97
            value = f'{{"symbol":"{name}","price":{price},"size":{size},"time":{at}}}'
            producer.produce("ticks", value=value, key=name)
        sent = max(sent, due)
        producer.poll(0)
    producer.flush()
    return sent


if __name__ == "__main__":
    main()
