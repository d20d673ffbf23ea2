"""Effect of abusive clients within all limits on the stream and on other clients.

The same backlog is folded without clients and under each attack: the ratio of the rates is the
effect of the attack. Meanwhile a client at another address sends a few queries, whose latency is
printed. The worker has a core of its own; broker and attackers share the others, with priority for
the broker (attackers have nice 19), since real attackers have their own machines. The backlog
lasts 20 s or more, so that the seconds in which all clients connect don't matter.

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

from bench.queries import catch_up
from bench.query_load import QueryLoad
from bench.testbed import Testbed
from bench.ticks import fill

REPOSITORY = Path(__file__).parents[1]

#: Path that each connection requests without a pause, or watches.
ATTACKS = {
    "windows": "/api/windows/candles?window=15m/1m&limit=5000",
    "symbols": "/api/symbols?limit=1000",
    "bad signature": "/api/tables",
    "events": "/api/events?watch=candles",
}

#: Number of connections that only watch.
WATCHERS = 600

HEADERS = {"bad signature": {"Tickstream-Signature": "x", "Host": "a.b", "Origin": "http://[::1"}}

#: Another address of this machine.
OTHER_ADDRESS = "127.0.0.2"
LOW_RATE = 20.0
SYMBOLS = 500


@contextmanager
def attacking(url: str, name: str, connections: int) -> Iterator[None]:
    """Run the attacking process."""
    command = [sys.executable, "-m", "bench.attack", "--url", url, "--attack", name]
    command += ["--connections", str(WATCHERS if name == "events" else connections)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.communicate(timeout=60)


def main() -> None:
    """Measure all attacks, or run one of them with `--url`."""
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
    own, others = _cores()
    # Processes started from now on inherit it.
    os.sched_setaffinity(0, others)
    with Testbed(
        partitions=6, windows="1m,5m,15m/1m", TICKSTREAM_PIPELINES="candles,gainers"
    ) as testbed:
        fill(testbed.bootstrap, "ticks", args.ticks)
        _measure(testbed, args, own)


def _cores() -> tuple[set[int], set[int]]:
    """Return the worker's core and the other cores; the same core if there is only one."""
    cores = os.sched_getaffinity(0)
    own = {min(cores)}
    return own, cores - own or own


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """Run processes started within on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _measure(testbed: Testbed, args: argparse.Namespace, cores: set[int]) -> None:
    rates: dict[str, list[float]] = {name: [] for name in ("none", *ATTACKS)}
    for number in range(args.rounds):
        for name, found in rates.items():
            loads: list[QueryLoad] = []

            @contextmanager
            def clients(
                url: str, name: str = name, loads: list[QueryLoad] = loads
            ) -> Iterator[None]:
                with ExitStack() as running:
                    loads.append(
                        QueryLoad(url, rate=LOW_RATE, symbols=SYMBOLS, address=OTHER_ADDRESS)
                    )
                    running.enter_context(loads[-1])
                    if name in ATTACKS:
                        running.enter_context(attacking(url, name, args.connections))
                    yield

            application = f"under-{number}-{name.replace(' ', '-')}"
            rate = catch_up(testbed, application, clients, _on(cores))
            found.append(rate)
            cuts = statistics.quantiles(chain(*loads[-1].seconds.values()), n=100)
            print(
                f"{name}: {rate:,.0f} ticks/s; another client's p50 {1000 * cuts[49]:.0f} ms, "
                f"p99 {1000 * cuts[98]:.0f} ms, answers by status {loads[-1].statuses}",
                flush=True,
            )
    alone = statistics.median(rates.pop("none"))
    for name, found in rates.items():
        print(f"throughput under {name}: {statistics.median(found) / alone:.2f} of that without")


async def _attack(url: str, name: str, connections: int) -> None:
    """Send requests on all connections until the input is closed."""
    os.nice(19)
    until_closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    timeout = ClientTimeout(total=None)
    async with ClientSession(timeout=timeout, connector=TCPConnector(limit=0)) as http:
        requests = [
            asyncio.create_task(
                _send_requests(http, f"{url}{ATTACKS[name]}", HEADERS.get(name, {}))
            )
            for _ in range(connections)
        ]
        await until_closed
        for each in requests:
            each.cancel()
        await asyncio.gather(*requests, return_exceptions=True)


async def _send_requests(http: ClientSession, url: str, headers: dict[str, str]) -> None:
    while True:
        with suppress(ClientError, TimeoutError):
            async with http.get(url, headers=headers) as answer:
                async for _ in answer.content.iter_any():
                    pass


if __name__ == "__main__":
    main()
