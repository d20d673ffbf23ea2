"""Attackers of workers over the network, each kind from its own address of this machine.

    async with AttackWave(targets, hostile) as wave:
        await wave.wait_each_once()
    assert wave.answers["wrong tokens"] ...

All kinds run at the same time, round after round; their answers are counted by status.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from itertools import cycle, islice
from typing import Any, NamedTuple, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from app.settings import Settings
from eventfold.security.keys import keys_of
from eventfold.web.protection.seals import seal
from eventfold.web.protection.sessions import cookie_name
from eventfold.web.protection.signatures import SIGNATURE, PeerRequest, digest_of, signature
from eventfold.web.query.peers import FORWARDED

#: Connections that request as much as they can, that only listen, whose request never ends.
GREEDY, IDLE, UNFINISHED = 64, 600, 100

#: Hostile requests, and stream openings, in flight at once.
AT_ONCE = 16

#: Seconds between two rounds of an attack, which ignores Retry-After.
PAUSE = 0.25

GREEDY_PAGES = [
    "/api/windows/candles?window=5m/1m&limit=5000",
    "/api/windows/candles?window=1m&limit=5000",
    "/api/windows/days?limit=5000",
    "/api/symbols?limit=1000",
    "/api/tables",
]

WATCHED = "/api/events?watch=candles,surges"

#: Bytes of a head that never ends.
UNFINISHED_HEAD = b"GET /api/tables HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "

#: Levels of JSON nesting, more than a recursive parser survives.
NESTING = 100_000


class Targets(NamedTuple):
    """Targets of an attack: addresses and settings of workers (a thief knows some of these)."""

    ports: Sequence[int]
    settings: Settings
    #: Tokens of a reader and of an admin; None where the worker asks for none.
    read: str | None
    admin: str | None

    def url(self, number: int) -> str:
        """Return the address of a worker, in turn."""
        return f"http://127.0.0.1:{self.ports[number % len(self.ports)]}"


def bearer_header(token: str | None) -> dict[str, str]:
    """Return the header that carries a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def client(address: str, token: str | None, *, most: int = 0) -> ClientSession:
    """Return a client that connects from `address`, without a time-out of its own."""
    return ClientSession(
        connector=TCPConnector(limit=most, local_addr=(address, 0)),
        headers=bearer_header(token),
        timeout=ClientTimeout(total=None),
    )


class AttackWave:
    """All attacks over the network at once, from entering to leaving.

    `hostile` are requests that no client sends by mistake.
    """

    def __init__(self, targets: Targets, hostile: Sequence[bytes]) -> None:
        self._targets = targets
        self._hostile = hostile
        self._stopped = asyncio.Event()
        #: How often each attack was answered with each status; 0 where there was no answer.
        self.answers: dict[str, Counter[int]] = {}
        self._rounds: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._clients = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._clients.__aenter__()
        await self._listen()
        await self._open_unfinished_requests()
        attacks: dict[str, Callable[[ClientSession], Awaitable[list[int]]]] = {
            "greed": self._greed,
            "schemas": self._schemas,
            "wrong tokens": self._wrong_tokens,
            "forged cookies": self._forged_cookies,
            "signed requests": self._signed_requests,
            "preflights": self._preflights,
        }
        for number, (name, attack) in enumerate(attacks.items(), 10):
            token = {"greed": self._targets.read, "schemas": self._targets.admin}.get(name)
            http = await self._clients.enter_async_context(client(f"127.0.0.{number}", token))
            self._begin(name, attack, http)
        self._begin("hostile bytes", self._hostile_bytes, "127.0.0.20")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped.set()
        try:
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await self._clients.__aexit__(None, None, None)

    async def wait_each_once(self) -> None:
        """Wait until each attack has run one full round. Raises the error of an attack."""
        rounds = asyncio.gather(*(each.wait() for each in self._rounds))
        await asyncio.wait({rounds, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done():
                task.result()
        await rounds

    def _begin(self, name: str, attack: Callable[[Any], Awaitable[list[int]]], by: Any) -> None:
        answers = self.answers[name] = Counter()
        once = asyncio.Event()

        async def repeat() -> None:
            while not self._stopped.is_set():
                answers.update(await attack(by))
                once.set()
                await asyncio.sleep(PAUSE)

        self._rounds.append(once)
        self._tasks.append(asyncio.create_task(repeat(), name=name))

    # -- connections that stay open

    async def _listen(self) -> None:
        """Open streams of events that nobody reads further than their start."""
        http = await self._clients.enter_async_context(client("127.0.0.3", self._targets.read))
        turns = asyncio.Semaphore(AT_ONCE)

        async def listen(number: int) -> None:
            async with turns:
                answer = await http.get(self._targets.url(number) + WATCHED)
                self._clients.callback(answer.close)
                assert answer.status == 200
                await answer.content.readuntil(b"event: start")

        await asyncio.gather(*(listen(number) for number in range(IDLE)))

    async def _open_unfinished_requests(self) -> None:
        """Open connections with heads that never end."""
        for port in list(self._targets.ports) * (UNFINISHED // len(self._targets.ports)):
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=("127.0.0.4", 0)
            )
            writer.write(UNFINISHED_HEAD)
            self._clients.callback(writer.close)

    # -- requests for as much data as possible

    async def _greed(self, http: ClientSession) -> list[int]:
        pages = islice(cycle(GREEDY_PAGES), GREEDY)
        return await _statuses(
            http, *(("GET", self._targets.url(n) + page, {}) for n, page in enumerate(pages))
        )

    # -- requests without a valid credential

    async def _wrong_tokens(self, http: ClientSession) -> list[int]:
        guesses = [f"guess-{number:020}" for number in range(20)]
        return await _statuses(
            http,
            *(
                ("GET", self._targets.url(n) + "/api/tables", {"headers": bearer_header(guess)})
                for n, guess in enumerate(guesses)
            ),
        )

    async def _forged_cookies(self, http: ClientSession) -> list[int]:
        """Seal sessions by keys derived from what a reader knows."""
        conf, known = self._targets.settings, (self._targets.read or "").encode()
        parts = str(int(time.time()) + 3600), "i" * 22
        cookies = [
            ".".join(["admin", *parts, seal(key, conf.app_id, "admin", *parts)])
            for key in (known, hashlib.sha256(known).digest(), hmac.digest(known, b"", "sha256"))
        ]
        return await _statuses(
            http,
            *(
                ("GET", self._targets.url(n) + "/router/", {"headers": {"Cookie": cookie}})
                for n, cookie in enumerate(f"{cookie_name(conf)}={each}" for each in cookies)
            ),
        )

    async def _signed_requests(self, http: ClientSession) -> list[int]:
        """Send peer requests: with a forged seal, one for another worker, one replayed.

        Returns the statuses of all but the valid one.
        """
        target, key = "/api/tables", keys_of(self._targets.settings).cluster
        first, second = (f"127.0.0.1:{port}" for port in self._targets.ports[:2])
        answers = []
        for worker, sealed_by in ((first, b"k" * 32), (second, key), (first, key)):
            signed = PeerRequest("GET", worker, target, digest_of(b""))
            header = signature(sealed_by, signed, int(time.time() * 1000))
            request = "GET", f"http://{first}{target}", {"headers": _forwarded(header)}
            answers += await _statuses(http, request)
        if self._targets.read is not None:
            # The last one is valid (503: overloaded): it is answered once.
            assert answers.pop() in {200, 503}
        return answers + await _statuses(http, request)

    # -- requests that are cheap for the client

    async def _hostile_bytes(self, address: str) -> list[int]:
        turns = asyncio.Semaphore(AT_ONCE)

        async def send(number: int, request: bytes) -> int:
            async with turns:
                return await _raw(address, self._targets.ports[number % 2], request)

        return await asyncio.gather(*(send(*each) for each in enumerate(self._hostile)))

    async def _preflights(self, http: ClientSession) -> list[int]:
        headers = {"Origin": "http://[::1", "Access-Control-Request-Method": "GET"}
        return await _statuses(
            http,
            *(
                (method, self._targets.url(n) + "/api/tables", {"headers": headers})
                for n, method in enumerate(["OPTIONS", "PROPFIND"] * 20)
            ),
        )

    # -- schemas

    async def _schemas(self, http: ClientSession) -> list[int]:
        """Register schemas that take minutes to compare, that are deep, that are large."""
        deep = '{"type": "array", "items": ' * 2_000 + '"int"' + "}" * 2_000
        texts = [branched("a"), branched("b"), deep, json.dumps("x" * 70_000)]
        bodies = [json.dumps({"schema": text}).encode() for text in texts]
        bodies += [b'{"schema": ' + b"[" * NESTING, b"9" * 5_000, b"\xff"]
        statuses = []
        for number, body in enumerate(bodies):
            path = f"{self._targets.url(number // 2)}/registry/subjects/many-value/versions"
            statuses += await _statuses(http, ("POST", path, {"data": body}))
        return statuses


def branched(letter: str) -> str:
    """Return a schema of 300 branches, which takes a library half a minute to compare."""
    record = {"type": "record", "fields": [{"name": "x", "type": "int"}]}
    branches = [record | {"name": f"{letter}{number}"} for number in range(300)]
    field = {"name": "either", "type": branches}
    return json.dumps({"type": "record", "name": "Many", "fields": [field]})


def _forwarded(header: str) -> dict[str, str]:
    return {FORWARDED: "1", SIGNATURE: header}


async def _statuses(http: ClientSession, *requests: tuple[str, str, dict[str, Any]]) -> list[int]:
    """Send all requests at once; return each status, 0 where the connection was ended."""

    async def ask(method: str, url: str, options: dict[str, Any]) -> int:
        try:
            async with http.request(method, url, **options) as answer:
                await answer.read()
                return answer.status
        except ClientError:
            return 0

    return await asyncio.gather(*(ask(*each) for each in requests))


async def _raw(address: str, port: int, request: bytes) -> int:
    """Send bytes; return the status of the answer, 0 where the connection ended without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        writer.write(request)
        # An answer without an end, such as of events, is read no further than its head.
        head = await reader.readuntil(b"\r\n")
        return int(head.split(b" ", 2)[1])
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0
    finally:
        writer.close()
