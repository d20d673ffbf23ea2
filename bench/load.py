"""A steady load: ticks at so many a second, whatever the workers do.

In a process of its own that paces itself by the clock, until its input is closed:

    with Load(bootstrap, rate=20_000) as load:
        ...
    load.sent

Event time runs `speed` times as fast as the clock. A tick may be up to `disorder` ms behind. A
fraction `once` of the ticks is of symbols that come once and never again.
"""

import argparse
import random
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.market import new_producer

#: Seconds between two looks at the clock.
BEAT = 0.005

REPOSITORY = Path(__file__).parents[1]


class Load:
    """The process that sends; used in `with`."""

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
        self._command = [
            *(sys.executable, "-m", "bench.load", bootstrap, f"--rate={rate}"),
            *(f"--symbols={symbols}", f"--start={start or now()}"),
            *(f"--speed={speed}", f"--disorder={disorder}", f"--once={once}"),
        ]
        #: How many ticks were sent, known when it has ended.
        self.sent = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def running(self) -> bool:
        """Whether the process still sends."""
        return self._process.poll() is None

    def end(self) -> None:
        """Send no more; return when all that was sent is in. Calling it twice is harmless."""
        if self._process.stdin and not self._process.stdin.closed:
            said, _ = self._process.communicate(timeout=60)
            self.sent = int(said)


def now() -> int:
    """Return the clock's time in ms since the epoch."""
    return int(time.time() * 1000)


def main() -> None:
    """Send until the input is closed, then print how many."""
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
    # Per tick, not per beat: a pause of this process is made up for and leaves no gap.
    step = 1000 * args.speed / args.rate
    while not select.select([sys.stdin], [], [], BEAT)[0]:
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
