"""Open-loop load of queries: a fixed number per second, however long the answers take.

A separate process sends them until its input is closed:

    with QueryLoad(worker.url, rate=200, symbols=500) as load:
        ...
    load.seconds["key"]

Each query is sent when it is due: with slow answers more queries are in flight at once, and the
latency counts from the time at which a query was due.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import defaultdict

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from bench.load import LoadProcess

#: Share of queries for the ranking; the others are for the windows of a key.
RANKING_SHARE = 0.2


class QueryLoad(LoadProcess):
    """Process that sends queries; used in `with`."""

    def __init__(self, url: str, *, rate: float, symbols: int, address: str = "127.0.0.1") -> None:
        super().__init__(
            *("bench.query_load", url),
            *(f"--rate={rate}", f"--symbols={symbols}", f"--address={address}"),
        )
        #: Latencies (s) by kind of query ("key", "top-10"); known at the end.
        self.seconds: dict[str, list[float]] = {}
        #: Number of answers by status; 0 stands for no answer.
        self.statuses: dict[str, int] = {}

    def __exit__(self, kind: type[BaseException] | None, *_exc_info: object) -> None:
        output = self.output()
        if kind is None:
            results = json.loads(output)
            self.seconds, self.statuses = results["seconds"], results["statuses"]


def main() -> None:
    """Send queries until the input is closed, then print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("--address", required=True)
    args = parser.parse_args()
    print(json.dumps(asyncio.run(_send_all(args))))


async def _send_all(args: argparse.Namespace) -> dict[str, object]:
    seconds: dict[str, list[float]] = defaultdict(list)
    statuses: dict[int, int] = defaultdict(int)
    chance, begun, sent = random.Random(1), time.monotonic(), 0
    until_closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    timeout = ClientTimeout(total=10)
    async with (
        ClientSession(
            timeout=timeout, connector=TCPConnector(limit=0, local_addr=(args.address, 0))
        ) as http,
        asyncio.TaskGroup() as in_flight,
    ):
        while not until_closed.done():
            kind = "top-10" if chance.random() < RANKING_SHARE else "key"
            symbol = f"SYM{int(chance.random() * args.symbols):04d}"
            path = "top-gainers" if kind == "top-10" else f"candles/{symbol}?size=1m&limit=20"
            due = begun + sent / args.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))

            async def query(kind: str = kind, path: str = path, due: float = due) -> None:
                status = await _status(http, f"{args.url}/api/{path}")
                statuses[status] += 1
                seconds[kind].append(time.monotonic() - due)

            in_flight.create_task(query())
            sent += 1
    return {"seconds": seconds, "statuses": statuses}


async def _status(http: ClientSession, url: str) -> int:
    try:
        async with http.get(url) as reply:
            await reply.read()
            return reply.status
    except (ClientError, TimeoutError):
        return 0


if __name__ == "__main__":
    main()
