"""What readers within all limits can do to the stream and to others, by asking for all they get.

A backlog is caught up with without them, and under each attack: the ratio of the rates is what the
attack takes. Meanwhile somebody at another address asks a little, whose wait is printed. The worker
has a core of its own; broker and attackers share the others, where the broker comes first
(attackers have nice 19): elsewhere attackers have their own machines. The backlog lasts 20 s or
more, so that what counts is the rate beside readers, not the seconds in which all of them connect.

usage: attack.py [--ticks 6000000] [--connections 64] [--rounds 1]
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from bench.asking import Asking
from bench.market import fill
from bench.queries import catch_up
from bench.scene import Scene

REPOSITORY = Path(__file__).parents[1]

#: What is asked for without a pause by each connection, or watched by it.
ATTACKS = {
    "windows": "/api/windows/candles?window=15m/1m&limit=5000",
    "symbols": "/api/symbols?limit=1000",
    "bad signature": "/api/tables",
    "events": "/api/events?watch=candles",
}

#: More of those that only watch.
WATCHING = 600

HEADERS = {"bad signature": {"Tickstream-Signature": "x", "Host": "a.b", "Origin": "http://[::1"}}

#: Another address of this machine.
ELSEWHERE = "127.0.0.2"
GENTLE = 20.0
SYMBOLS = 500


@contextmanager
def attacking(url: str, name: str, connections: int) -> Iterator[None]:
    """Run the process that attacks."""
    command = [sys.executable, "-m", "bench.attack", "--url", url, "--attack", name]
    command += ["--connections", str(WATCHING if name == "events" else connections)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.communicate(timeout=60)


def main() -> None:
    """Measure all attacks, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=6_000_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--url")
    parser.add_argument("--attack")
    args = parser.parse_args()
    if args.url:
        asyncio.run(_attack(args.url, args.attack, args.connections))
        return
    mine, others = _cores()
    # What is started from now on inherits it.
    os.sched_setaffinity(0, others)
    with Scene(
        partitions=6, windows="1m,5m,15m/1m", TICKSTREAM_PIPELINES="candles,gainers"
    ) as scene:
        fill(scene.bootstrap, "ticks", args.ticks)
        _measure(scene, args, mine)


def _cores() -> tuple[set[int], set[int]]:
    """Return the worker's core and those of all others; the same ones if there is only one."""
    cores = os.sched_getaffinity(0)
    mine = {min(cores)}
    return mine, cores - mine or mine


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """Run what is started meanwhile on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _measure(scene: Scene, args: argparse.Namespace, cores: set[int]) -> None:
    rates: dict[str, list[float]] = {name: [] for name in ("none", *ATTACKS)}
    for number in range(args.rounds):
        for name, found in rates.items():
            asking: list[Asking] = []

            @contextmanager
            def readers(
                url: str, name: str = name, asking: list[Asking] = asking
            ) -> Iterator[None]:
                with ExitStack() as running:
                    asking.append(Asking(url, rate=GENTLE, symbols=SYMBOLS, address=ELSEWHERE))
                    running.enter_context(asking[-1])
                    if name in ATTACKS:
                        running.enter_context(attacking(url, name, args.connections))
                    yield

            application = f"under-{number}-{name.replace(' ', '-')}"
            rate = catch_up(scene, application, readers, _on(cores))
            found.append(rate)
            cuts = statistics.quantiles(chain(*asking[-1].seconds.values()), n=100)
            print(
                f"{name}: {rate:,.0f} ticks/s; another reader's p50 {1000 * cuts[49]:.0f} ms, "
                f"p99 {1000 * cuts[98]:.0f} ms, answers by status {asking[-1].statuses}",
                flush=True,
            )
    alone = statistics.median(rates.pop("none"))
    for name, found in rates.items():
        print(f"throughput under {name}: {statistics.median(found) / alone:.2f} of that without")


async def _attack(url: str, name: str, connections: int) -> None:
    """Ask on all connections until the input is closed."""
    os.nice(19)
    until_closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    timeout = ClientTimeout(total=None)
    async with ClientSession(timeout=timeout, connector=TCPConnector(limit=0)) as http:
        asking = [
            asyncio.create_task(_ask_on(http, f"{url}{ATTACKS[name]}", HEADERS.get(name, {})))
            for _ in range(connections)
        ]
        await until_closed
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _ask_on(http: ClientSession, url: str, headers: dict[str, str]) -> None:
    while True:
        with suppress(ClientError, TimeoutError):
            async with http.get(url, headers=headers) as answer:
                async for _ in answer.content.iter_any():
                    pass


if __name__ == "__main__":
    main()
