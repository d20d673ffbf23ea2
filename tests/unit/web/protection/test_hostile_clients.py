"""Hostile requests, byte by byte: they are rejected, and the worker is unharmed."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from guarded_workers import guarded
from web_workers import MINUTE, NOON, candle

from eventfold.web.protection import bodies, connections

ALIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

#: Seconds for what should come at once, on a busy machine.
PATIENCE = 20


@asynccontextmanager
async def connected(worker) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def send(worker, data: bytes) -> bytes:
    """Send bytes, and return all that comes until the worker ends the connection."""
    async with connected(worker) as (reader, writer):
        writer.write(data)
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        except ConnectionError:
            return b""


def status(answer: bytes) -> int:
    """Return the status of an answer, 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


def listener(worker) -> connections.Listener:
    """Return the listener that counts the worker's connections."""
    return worker.app.web._runner.server


async def unharmed(worker) -> None:
    """Wait until no connection is left, and check that others are served."""
    async with asyncio.timeout(PATIENCE):
        while listener(worker)._open or listener(worker).connections:  # noqa: ASYNC110  # its own
            await asyncio.sleep(0.01)
    assert status(await send(worker, ALIVE)) == 200


def get(path: bytes, *lines: bytes) -> bytes:
    """Return a request that asks the worker to close the connection after its answer."""
    head = [b"GET " + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n"


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the wait for clients that do not read."""
    monkeypatch.setattr(connections, "LINGER", 0.1)


@pytest.mark.parametrize(
    "path",
    [
        b"/static/../../pyproject.toml",
        b"/static/..%2f..%2fpyproject.toml",
        b"/static/%2e%2e/%2e%2e/settings.py",
        b"/static/....//....//settings.py",
        b"/static/..\\..\\settings.py",
        b"/static//etc/passwd",
        b"/static/%2fetc%2fpasswd",
        b"/static/page.js%00.css",
        b"/../../etc/passwd",
        b"/static/vendor",
        b"/static/",
    ],
)
async def test_no_path_leaves_the_static_directory(unprotected, path) -> None:
    """However it is written; and no directory is listed."""
    answer = await send(unprotected, get(path))
    assert status(answer) in {400, 403, 404}
    assert b"root:" not in answer
    assert b"build-system" not in answer
    assert b"BaseSettings" not in answer
    await unharmed(unprotected)


@pytest.mark.parametrize(
    "data",
    [
        get(b"/healthz?" + b"a" * 10_000),
        get(b"/healthz", b"X-Long: " + b"a" * 10_000),
        get(b"/healthz", b"X" * 10_000 + b": long"),
        get(b"/healthz", *[b"X-%d: a" % number for number in range(100)]),
        get(b"/healthz", b"Cookie: " + b"a=b; " * 3_000),
        b"GET /healthz HTTP/1.1\r\nX-Endless: " + b"a" * 1_000_000,
        b"A" * 1_000_000,
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
         b"FFFF\r\n" + b"a" * 0xFFFF + b"\r\n",
        (b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
         b"FFFFFFFFFFFFFFFFF\r\n"),
        b"GET /api/tables HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n",
    ],
    ids=["line", "value", "name", "many", "cookie", "endless", "noise", "announced", "chunked",
         "chunk", "get"],
)  # fmt: skip
async def test_oversized_request_is_rejected_and_its_connection_closed(
    unprotected, data, monkeypatch
) -> None:
    """A line, a header, many of them, a body that is announced, and one that is not."""
    monkeypatch.setattr(bodies, "TIMEOUT", 0.2)
    answer = await send(unprotected, data)
    assert status(answer) in {0, 400, 408, 413, 431}
    await unharmed(unprotected)


async def test_endless_body_is_read_up_to_the_limit(unprotected) -> None:
    """The limit is a megabyte, whatever the sizes of its chunks."""
    async with connected(unprotected) as (reader, writer):
        writer.write(
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
        sent, answered = 0, asyncio.ensure_future(reader.read(12))
        async with asyncio.timeout(PATIENCE):
            while not answered.done():
                writer.write(chunk)
                await asyncio.wait([answered], timeout=0.001)
                sent += len(chunk)
        assert status(await answered) == 413
    assert sent < 64 << 20
    await unharmed(unprotected)


async def test_slow_request_head_times_out(monkeypatch) -> None:
    """So does one that never comes, and a second one that stops half-way."""
    monkeypatch.setattr(connections, "HEAD_TIMEOUT", 0.2)
    async with guarded() as worker:
        for first in (b"", b"GET /healthz HTTP/1.1\r\nX-Slow: ", get(b"/healthz")[:-40]):
            keep_alive = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            async with connected(worker) as (reader, writer):
                writer.write(first)
                ended = asyncio.ensure_future(reader.read())
                async with asyncio.timeout(PATIENCE):
                    while not ended.done():
                        if first:
                            writer.write(b"a")
                        await asyncio.wait([ended], timeout=0.05)
            async with connected(worker) as (reader, writer):
                writer.write(keep_alive + first)
                async with asyncio.timeout(PATIENCE):
                    assert status(await reader.read()) == 200
        await unharmed(worker)


async def test_slow_request_body_times_out(unprotected, monkeypatch) -> None:
    """With status 408, and the connection is closed."""
    monkeypatch.setattr(bodies, "TIMEOUT", 0.2)
    async with connected(unprotected) as (reader, writer):
        writer.write(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        answered = asyncio.ensure_future(reader.read(12))
        async with asyncio.timeout(PATIENCE):
            while not answered.done():
                writer.write(b"a")
                await asyncio.wait([answered], timeout=0.05)
        assert status(await answered) == 408
    await unharmed(unprotected)


@pytest.mark.parametrize(("announced", "refused"), [(bodies.LIMIT, 408), (bodies.LIMIT + 1, 413)])
async def test_body_is_rejected_by_its_announced_length(
    unprotected, monkeypatch, announced, refused
) -> None:
    """Before any of it arrives; a body within the limit is waited for."""
    monkeypatch.setattr(bodies, "TIMEOUT", 0.2)
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    assert status(await send(unprotected, head % announced)) == refused
    await unharmed(unprotected)


#: A symbol with more windows than any buffer takes, and the request for all of them.
MANY_WINDOWS = {0: {"AAA": [candle("AAA", NOON + n * MINUTE) for n in range(5000)]}}
REQUEST = b"GET /api/candles/AAA?size=1m&limit=%d HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def asking(worker, times: int, limit: int = 5000) -> AsyncIterator[socket.socket]:
    """Send the request several times, as a client that reads little at once."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", worker.port))
        await loop.sock_sendall(client, REQUEST % limit * times)
        async with asyncio.timeout(PATIENCE):
            while not listener(worker)._open:  # noqa: ASYNC110  # its own
                await asyncio.sleep(0.01)
        yield client


async def test_client_that_does_not_read_is_disconnected(monkeypatch) -> None:
    """Its answers are not kept for ever."""
    monkeypatch.setattr(connections, "READ_TIMEOUT", 0.2)
    async with guarded(MANY_WINDOWS) as worker, asking(worker, 8):
        await unharmed(worker)


async def test_client_that_reads_too_slowly_is_disconnected(monkeypatch) -> None:
    """Though it reads something again and again: that is enough for the kernel alone."""
    monkeypatch.setattr(connections, "READ_TIMEOUT", 0.5)
    loop = asyncio.get_running_loop()
    async with guarded(MANY_WINDOWS) as worker, asking(worker, 8) as client:
        async with asyncio.timeout(PATIENCE):
            while listener(worker)._open:
                # The kernel delivers what it has already taken.
                assert await loop.sock_recv(client, 2048)
                await asyncio.sleep(0.05)


async def test_client_that_pauses_and_reads_on_stays_connected() -> None:
    """Its time-out ends when the worker's buffer is empty, and restarts with the next pause."""
    loop, read, limit, times = asyncio.get_running_loop(), 0, 250, 160
    async with guarded(MANY_WINDOWS) as worker, asking(worker, times, limit) as client:
        async with asyncio.timeout(PATIENCE):
            (connection,) = listener(worker).connections
            while connection._stalled is None:  # noqa: ASYNC110  # its own
                await asyncio.sleep(0.01)
            while read < limit * times:
                read += (await loop.sock_recv(client, 1 << 16)).count(b"}")
        assert connection._stalled is None


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (get(b"/api/candles/%FF?size=1m"), {400, 404}),
        (get(b"/api/candles/\xff?size=1m"), {400, 404}),
        (get(b"/api/candles/AAA?size=%FF"), {400}),
        (get(b"/api/candles/AAA?%FF=1m"), {400}),
        (get(b"/api/candles/%ED%A0%80?size=1m"), {400, 404}),
        (get(b"/api/candles/%C0%AF?size=1m"), {400, 404}),
        (get(b"/api/symbols?prefix=%00%FF"), {200, 400}),
        (get(b"/healthz", b"X-Bad: \xff\xfe"), {200, 400}),
        (get(b"/healthz", b"Cookie: tickstream-tickstream=\xff.\xff"), {200, 400}),
        (get(b"/api/tables", b"Authorization: Bearer \xff\xff"), {200, 400}),
        (get(b"/table/candles/%FF/"), {400, 404}),
        (get(b"/router/candles/%FF/"), {200, 400, 404}),
    ],
)
async def test_invalid_utf_8_is_no_internal_error(unprotected, data, statuses) -> None:
    """In a path, a query, a header: an answer of this API, not an error of Python."""
    answer = await send(unprotected, data)
    assert status(answer) in statuses
    assert b"Traceback" not in answer
    await unharmed(unprotected)


@pytest.mark.parametrize(
    "data",
    [
        get(b"/api/candles/AAA%0d%0aSet-Cookie:%20a=b?size=1m"),
        get(b"/login?next=/%0d%0aSet-Cookie:%20a=b"),
        get(b"/nothing%0d%0aSet-Cookie:%20a=b", b"Accept: text/html"),
        get(b"/static%0d%0aSet-Cookie:%20a=b"),
        get(b"/healthz", b"Origin: a\rSet-Cookie: a=b"),
        get(b"/healthz", b"Tickstream-Forwarded: 1\r\n Set-Cookie: a=b"),
        get(b"/healthz\rSet-Cookie: a=b"),
        get(b"/table/candles/AAA%0d%0aSet-Cookie:%20a=b"),
    ],
)
async def test_no_input_of_a_client_becomes_a_header(unprotected, data) -> None:
    """Line breaks are escaped or rejected."""
    answer = await send(unprotected, data)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"\nset-cookie" not in head
    assert b"\rset-cookie" not in head
    await unharmed(unprotected)


@pytest.mark.parametrize(
    "data",
    [
        (
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /router/ HTTP/1.1\r\n\r\n"
        ),
        (
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            b"Content-Length: 6\r\n\r\nhello"
        ),
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"XYZZY /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET\x00/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    ],
    ids=["both", "two", "negative", "coding", "space", "method", "version", "null", "tls"],
)
async def test_ambiguous_request_is_rejected(unprotected, data, caplog) -> None:
    """As JSON, as all errors are; it is not logged, since clients choose how many there are."""
    with caplog.at_level(logging.INFO):
        answer = await send(unprotected, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status(answer) == 400
    assert json.loads(body)["error"]["code"] == "bad-request"
    assert b"nosniff" in head
    assert not caplog.records
    await unharmed(unprotected)


async def test_one_client_gets_half_of_all_connections_at_most() -> None:
    """Closed connections make room again."""
    async with guarded(TICKSTREAM_WEB_CONNECTIONS="10") as worker:
        taken = [await asyncio.open_connection("127.0.0.1", worker.port) for _ in range(5)]
        assert await send(worker, ALIVE) == b""
        assert listener(worker)._open == {"127.0.0.1": 5}
        for _, writer in taken:
            writer.close()
        await unharmed(worker)
        assert listener(worker).enter("192.0.2.1")
        listener(worker).leave("192.0.2.1")
