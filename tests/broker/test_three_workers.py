"""Three workers on one broker: each answers for all keys, and publishes all events."""

import asyncio
import json
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from typing import Any
from urllib.parse import quote

import pytest
import truth
from aiohttp import ClientSession, TCPConnector
from sse import Stream, events
from workers import DAY, MARKET, MINUTE, Market, Record, Worker, tick, until
from yarl import URL

#: Yesterday's noon: no test runs across the end of a day.
NOON = int(time.time() * 1000) // DAY * DAY - DAY // 2
KEYS, STEPS = 1_000, 3
#: Concurrent requests.
AT_ONCE = 24
READERS = 500

_random = random.Random(8)
_LETTERS = "ABCXYZabc0189-._~ /%+?&=#:,;äß✓語"


def _keys() -> list[str]:
    found: set[str] = set()
    while len(found) < KEYS:
        # "." and ".." are navigation in a path, not names.
        found.add("K" + "".join(_random.choices(_LETTERS, k=_random.randint(1, 12))))
    return sorted(found)


#: Key → price of its last tick.
PRICES = {key: 10.0 + number / 8 for number, key in enumerate(_keys())}


@pytest.fixture(scope="module")
def three(market: Market) -> Iterator[list[Worker]]:
    """Yield three workers that have committed a few ticks of each key."""
    with market.workers(3, **MARKET) as three:
        market.send(_ticks())
        until(lambda: _committed(market))
        yield three


def _ticks() -> Iterator[Record]:
    for step in range(STEPS):
        for key, price in PRICES.items():
            yield tick(key, price - (STEPS - 1 - step), NOON + step * MINUTE)


def _committed(market: Market) -> bool:
    gains = truth.read(market.bootstrap, "daily-gains")
    counts = {gain.key(): json.loads(gain.value())["count"] for gain in gains}
    return list(counts.values()) == [STEPS] * len(PRICES)


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """Yield a client with an unlimited number of connections."""
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        yield session


async def _ask(http: ClientSession, worker: Worker, key: str, query: str = "") -> tuple[Any, ...]:
    """Request a key; return status, whether the body is right (else its error code), label."""
    url = f"{worker.url}/api/candles/{quote(key, safe='')}?size=1m{query}"
    async with http.get(URL(url, encoded=True)) as reply:
        body = await reply.json()
        label = reply.headers.get("Tickstream-Stale", "")
    if reply.status != 200:
        return reply.status, body["error"]["code"], label
    prices = [PRICES[key] - (STEPS - 1 - step) for step in range(STEPS)]
    right = [(c["symbol"], c["close"]) for c in body] == [(key, price) for price in prices]
    return reply.status, right, label


async def _ask_all(
    http: ClientSession, workers: list[Worker], keys: list[str], query: str = ""
) -> list[tuple[Any, ...]]:
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(worker: Worker, key: str) -> tuple[Any, ...]:
        async with places:
            return await _ask(http, worker, key, query)

    return await asyncio.gather(*(ask(worker, key) for worker in workers for key in keys))


async def test_each_worker_answers_for_all_keys(three, http) -> None:
    """Whatever characters a key has, and whichever worker owns it."""
    found = await _ask_all(http, three, list(PRICES))
    assert Counter(found) == {(200, True, ""): 3 * KEYS}


# -- events


async def test_readers_of_every_worker_get_committed_results(three, http, market) -> None:
    """Events of the key and window that they watch, and of no others."""
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(
                events(http, worker.url, "candles:NEW%2C1:5m,top-gainers")
            )
            for worker in three
        ]
        for stream in streams:
            assert (await stream.next("start")).data == {"resumed": False}
        market.send([tick("OTHER", 1, NOON + 3 * MINUTE), tick("NEW,1", 7.5, NOON + 3 * MINUTE)])
        for stream in streams:
            candle = (await stream.next("candles")).data
            assert (candle["symbol"], candle["size"], candle["close"]) == (
                "NEW,1",
                5 * MINUTE,
                7.5,
            )
            top = (await stream.next("top-gainers")).data
            assert len(top["rank"]) == 10
    status, answer = three[0].get("/api/candles/NEW%2C1?size=5m")
    assert (status, answer) == (200, [candle])


async def test_reader_resumes_at_another_worker_without_a_loss(three, http, market) -> None:
    """Results committed while it was disconnected are sent first."""
    async with events(http, three[0].url, "ticks-late,candles:AWAY:1m") as stream:
        market.send([tick("AWAY", 1, NOON + 4 * MINUTE)])
        last_id = (await stream.next("candles")).last_id
    market.send([tick("AWAY", price, NOON + 4 * MINUTE + price) for price in (2, 3)])
    market.send([tick("AWAY", 9, NOON - 60 * MINUTE)])  # too late
    until(lambda: three[0].get("/api/candles/AWAY?size=1m&limit=1")[1][0]["close"] == 3)
    until(lambda: [r for r in truth.read(market.bootstrap, "ticks-late") if r.key() == b"AWAY"])
    async with events(http, three[1].url, "ticks-late,candles:AWAY:1m", last_id) as stream:
        assert (await stream.next()).data == {"resumed": True}
        seen = [await stream.next("candles", "ticks-late") for _ in range(2)]
        if seen[-1].name == "ticks-late" and seen[0].name == "ticks-late":
            seen.append(await stream.next("candles"))
        received = {event.name: event.data for event in seen}
        assert received["candles"]["close"] == 3
        assert received["ticks-late"]["price"] == 9
    async with events(http, three[2].url, "candles:AWAY:1m", "candles:999999999") as stream:
        assert (await stream.next()).data == {"resumed": False}
        assert (await stream.next()).name == "gap"


async def test_stuck_readers_do_not_block_five_hundred_others(three, http, market) -> None:
    """All others get the events, stuck readers get a bounded buffer, and the worker goes on."""
    worker = three[1]
    async with AsyncExitStack() as stack:
        stuck = [stack.enter_context(closing(_stuck_reader(worker.port))) for _ in range(10)]
        opened = [
            stack.enter_async_context(events(http, worker.url, "candles:MANY:1m"))
            for _ in range(READERS)
        ]
        streams: list[Stream] = await asyncio.gather(*opened)
        before = _folded(worker)
        market.send(_flood())
        market.send([tick("MANY", 42, NOON + 6 * MINUTE)])
        received = await asyncio.gather(*(stream.next("candles") for stream in streams))
        assert Counter(event.data["close"] for event in received) == {42: READERS}
        assert _folded(worker) > before
        until(lambda: worker.get("/api/candles/MANY?size=1m")[0] == 200)
        assert _readers(worker) >= READERS + len(stuck)
    # In a thread: this event loop closes the connections.
    await asyncio.to_thread(until, lambda: _readers(worker) == 0)


def _flood() -> Iterator[Record]:
    """Yield ticks whose candles exceed the buffers of a connection."""
    for step in range(20):
        for key in list(PRICES)[:200]:
            yield tick(f"FLOOD{key}", 5 + step, NOON + 5 * MINUTE + step * 1000)


def _stuck_reader(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET /api/events?watch=candles HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection


def _folded(worker: Worker) -> int:
    return sum(each["counts"]["candles"]["folded"] for each in worker.get("/api/workers")[1])


def _readers(worker: Worker) -> int:
    (state,) = (e for e in worker.get("/api/workers")[1] if e["worker"] == worker.url)
    return state["readers"]


# -- a worker dies


async def test_answers_for_keys_of_a_dead_worker_are_right_stale_or_503(three, http) -> None:
    """After a SIGKILL: the right windows, a standby's with the label `stale`, or 503."""
    *survivors, killed = three
    keys = _random.sample(list(PRICES), 60)
    killed.kill()
    seen: Counter[tuple[Any, ...]] = Counter()
    found: list[tuple[Any, ...]] = []
    deadline = time.monotonic() + 60
    while set(found) != {(200, True, "")}:
        assert time.monotonic() < deadline, seen
        allowed = await _ask_all(http, survivors, keys, "&stale=true")
        found = await _ask_all(http, survivors, keys)
        seen.update((status, right, bool(label)) for status, right, label in allowed)
        # Without the parameter no standby's answer is given.
        assert set(found) <= {(200, True, ""), (503, "unavailable", "")}
    assert set(seen) <= {(200, True, False), (200, True, True), (503, "unavailable", False)}
    assert seen[200, True, True] > 0
    assert seen[200, True, False] > 0


async def test_worker_stops_while_readers_are_connected(three, http) -> None:
    """Readers don't delay it: their streams end, and they may reconnect to another worker."""
    worker = three[0]
    async with events(http, worker.url, "candles,top-gainers") as stream:
        await stream.next("start")
        assert await asyncio.to_thread(worker.stop) == 0
        with pytest.raises(EOFError):
            await stream.next("never")
