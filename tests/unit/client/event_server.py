"""Server of `/api/events` whose connections end where a test wants them to."""

import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec

from eventfold.web.live.event import frame

START = frame("start", b'{"resumed":false}')


def update(price: int, last_id: str = "") -> bytes:
    """Return the event of a candle."""
    return frame("candles", msgspec.json.encode({"close": price, "start": 0}), last_id=last_id)


def gap(dropped: int | None) -> bytes:
    """Return the event of a gap."""
    return frame("gap", msgspec.json.encode({"dropped": dropped}))


def beat(last_id: str = "") -> bytes:
    """Return a heartbeat."""
    return frame("beat", b'{"time":0}', last_id=last_id)


class EventServer:
    """Server that answers each connection with one of `answers` and ends it.

    An answer is a list of events, or the status and the headers of an error.
    """

    def __init__(self, answers: Iterable[list[bytes] | tuple[int, dict[str, str]]]) -> None:
        left = list(answers)
        #: `Last-Event-ID` of each connection, None where it had none; and what each watched.
        self.resumed: list[str | None] = []
        self.paths: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805  # `self` is the server
                if handler.path.startswith("/api/tables"):
                    handler._answer(200, {"Content-Type": "application/json"}, b"[]")
                    return
                self.resumed.append(handler.headers["Last-Event-ID"])
                self.paths.append(handler.path)
                answer: Any = left.pop(0) if left else (400, {})
                if isinstance(answer, tuple):
                    status, headers = answer
                    body = b'{"error":{"code":"x","message":"the end"}}'
                    handler._answer(status, headers, body)
                else:
                    handler._answer(200, {"Content-Type": "text/event-stream"}, b"".join(answer))

            def _answer(handler, status: int, headers: dict[str, str], body: bytes) -> None:  # noqa: N805
                handler.send_response(status)
                for name, value in headers.items():
                    handler.send_header(name, value)
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *_: object) -> None:  # noqa: N805
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,)).start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
