r"""Run a worker in a thread of its own; ask it through plain sockets and keep its log lines.

with attacked(TICKSTREAM_WEB_TOKEN=READ) as worker:
    assert worker.ask(b"GET /healthz HTTP/1.1\r\n\r\n").status == 200
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

from guarded_workers import ADMIN, GuardedWorker, guarded

from eventfold.formats.registry import Registry
from eventfold.formats.subjects import Subjects

#: Seconds to wait for an immediate answer, on a busy machine.
PATIENCE = 20.0


class Reply(NamedTuple):
    """Status, head and body of an answer; status 0 if the connection ended without one."""

    status: int
    head: bytes
    body: bytes


class Attacked:
    """A worker under attack, as a test uses it."""

    def __init__(self, worker: GuardedWorker, loop: asyncio.AbstractEventLoop) -> None:
        self.app = worker.app
        self.port = worker.port
        self.protected = worker.app.settings.web_protected
        self._loop = loop
        self.logged = _LogRecorder()
        #: Header line that authenticates a normal reader; empty where none is needed.
        self.auth_header = f"Authorization: Bearer {ADMIN}\r\n".encode() if self.protected else b""

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function in the worker's thread."""
        called: Future[Any] = Future()
        self._loop.call_soon_threadsafe(lambda: called.set_result(function(*args)))
        called.result(PATIENCE)

    def ask(self, request: bytes, *, whole: bool = False) -> Reply:
        """Send bytes; return the head of the answer, or all up to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(request)
            received = b""
            while whole or b"\r\n\r\n" not in received:
                try:
                    piece = connection.recv(65536)
                except ConnectionResetError:
                    break
                if not piece:
                    break
                received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        return Reply(int(head.split(b" ", 2)[1]) if head else 0, head, body)

    def get(self, path: bytes, *lines: bytes, host: bytes = b"127.0.0.1") -> Reply:
        """Request a path with these header lines, without credentials; return the whole answer."""
        head = [b"GET " + path + b" HTTP/1.1", b"Host: " + host, b"Connection: close", *lines]
        return self.ask(b"\r\n".join(head) + b"\r\n\r\n", whole=True)

    def assert_answers_readers(self, client: str = "198.51.100.7") -> None:
        """Check that a normal reader gets windows of a symbol."""
        reply = self.get(
            b"/api/candles/AAA?size=1m",
            *(self.auth_header[:-2],) * self.protected,
            b"X-Forwarded-For: " + client.encode(),
        )
        assert reply.status == 200, reply
        assert b'"symbol":"AAA"' in reply.body


class _LogRecorder(logging.Handler):
    """Keeps log lines as texts, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class _Log:
    """Log of a schema registry without a broker: entries are readable at once."""

    def __init__(self) -> None:
        self.subjects = Subjects()

    async def catch_up(self) -> None:
        """Return at once: there is no other writer."""

    async def write(self, decide: Callable[[Subjects], tuple[Any, list[Any]]]) -> Any:
        """Write the entries that `decide` makes from the present subjects."""
        decided, entries = decide(self.subjects)
        for entry in entries:
            self.subjects.apply(entry)
        return decided


@contextmanager
def attacked(**environment: str) -> Iterator[Attacked]:
    """Run a worker behind its real listener, which trusts headers of proxies of this machine."""
    ready: list[Attacked] = []
    started, stopped = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        environment.setdefault("TICKSTREAM_WEB_PROXIES", "127.0.0.0/8")
        async with guarded(**environment) as worker:
            worker.app.registry = Registry(_Log())
            worker.app.tasks = SimpleNamespace(tables=[], topics={}, conf=worker.app.settings)
            ready.append(Attacked(worker, loop))
            started.set()
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="attacked")
    thread.start()
    try:
        assert started.wait(PATIENCE)
        worker = ready[0]
        logging.getLogger().addHandler(worker.logged)
        yield worker
    finally:
        logging.getLogger().removeHandler(worker.logged)
        loop.call_soon_threadsafe(stopped.set)
        thread.join(PATIENCE)
        loop.close()
