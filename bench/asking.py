"""Questions to a worker: so many a second, whatever it takes to answer.

In a process of its own, until its input is closed:

    with Asking(worker.url, rate=200, symbols=500) as asking:
        ...
    asking.seconds["key"]

A question that is due is sent: where answers are slow, more of them are under way at once, and the
wait counts from when a question was due.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

REPOSITORY = Path(__file__).parents[1]

#: The share of questions for the ten; the others are for a key's windows.
TOP = 0.2


class Asking:
    """The process that asks; used in `with`."""

    def __init__(self, url: str, *, rate: float, symbols: int, address: str = "127.0.0.1") -> None:
        self._command = [
            *(sys.executable, "-m", "bench.asking", url),
            *(f"--rate={rate}", f"--symbols={symbols}", f"--address={address}"),
        ]
        #: Seconds that each answer took by what was asked ("key", "top-10"); known at the end.
        self.seconds: dict[str, list[float]] = {}
        #: Answers by status; 0 where there was none.
        self.statuses: dict[str, int] = {}

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
        said, _ = self._process.communicate(timeout=60)
        if kind is None:
            told = json.loads(said)
            self.seconds, self.statuses = told["seconds"], told["statuses"]


def main() -> None:
    """Ask until the input is closed, then print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("--address", required=True)
    args = parser.parse_args()
    print(json.dumps(asyncio.run(_ask_all(args))))


async def _ask_all(args: argparse.Namespace) -> dict[str, object]:
    seconds: dict[str, list[float]] = defaultdict(list)
    statuses: dict[int, int] = defaultdict(int)
    chance, begun, asked = random.Random(1), time.monotonic(), 0
    until_closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    timeout = ClientTimeout(total=10)
    async with (
        ClientSession(
            timeout=timeout, connector=TCPConnector(limit=0, local_addr=(args.address, 0))
        ) as http,
        asyncio.TaskGroup() as under_way,
    ):
        while not until_closed.done():
            what = "top-10" if chance.random() < TOP else "key"
            symbol = f"SYM{int(chance.random() * args.symbols):04d}"
            path = "top-gainers" if what == "top-10" else f"candles/{symbol}?size=1m&limit=20"
            due = begun + asked / args.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))

            async def ask(what: str = what, path: str = path, due: float = due) -> None:
                status = await _status(http, f"{args.url}/api/{path}")
                statuses[status] += 1
                seconds[what].append(time.monotonic() - due)

            under_way.create_task(ask())
            asked += 1
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
