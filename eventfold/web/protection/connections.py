"""Limits on connections: their number, idle time and reading speed.

aiohttp serves each connection for as long as the client keeps it. A client that opens many, sends a
request at a byte a minute or never reads its answer would use up the file descriptors that the
worker needs.
"""

import asyncio
import logging
import resource
import socket
from collections import Counter
from http import HTTPStatus
from typing import Any, cast

from aiohttp import hdrs, web

from eventfold.environment import variable_of
from eventfold.security.web import WebSecurity
from eventfold.web.errors import ApiError
from eventfold.web.protection.addresses import CONF, network_of
from eventfold.web.protection.edge import guarded, readable
from eventfold.web.protection.headers import SERVER, early_response
from eventfold.web.protection.refused import count_refusal

#: Seconds within which the head of a request has to be complete: from its first byte on, or after
#: the answer to the previous one.
HEAD_TIMEOUT = 30.0

#: Seconds for which a client may read nothing of an answer.
READ_TIMEOUT = 30.0

#: Seconds for which the unread rest of a body is read before the connection closes.
LINGER = 1.0

#: Maximum size of a request's first line (bytes) and of one header (bytes), and number of headers.
LINE, FIELD, FIELDS = 8190, 8190, 64

#: File descriptors that a worker needs besides connections, with room to spare.
FILES = 1024

#: Minimum limit of connections.
LEAST = 10

_log = logging.getLogger(__name__)


class Runner(web.AppRunner):
    """aiohttp's runner with these limits: `most` connections, up to half of them of one client."""

    __slots__ = ("_most",)

    def __init__(self, application: web.Application, most: int) -> None:
        super().__init__(
            application,
            access_log=None,
            keepalive_timeout=HEAD_TIMEOUT,
            lingering_time=LINGER,
            max_line_size=LINE,
            max_field_size=FIELD,
            max_headers=FIELDS,
        )
        self._most = most

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Listener(
            _affordable(self._most, self.app[CONF]),
            self.app[CONF],
            guarded(self.app, made.request_handler),
            request_factory=readable(made.request_factory),
            loop=asyncio.get_running_loop(),
            **made._kwargs,  # noqa: SLF001  # its own arguments
        )


class Listener(web.Server):
    """Server that accepts connections up to the limit."""

    def __init__(self, most: int, conf: WebSecurity, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most = most
        self.conf = conf
        self._open: Counter[str] = Counter()

    def __call__(self) -> web.RequestHandler:
        """Create the handler of one connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def enter(self, client: str) -> bool:
        """Count one more connection of a client; return False, without counting, at the limit."""
        if self._open.total() >= self._most or self._open[client] >= self._most / 2:
            count_refusal("connections")
            return False
        self._open[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Count one connection less of a client."""
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


class Connection(web.RequestHandler):
    """Handler of one connection: aborted beyond the limit, or if the client stops reading."""

    __slots__ = ("_client", "_listener", "_stalled", "_wire")

    def __init__(self, manager: Listener, **kwargs: Any) -> None:
        super().__init__(manager, **kwargs)
        self._listener = manager
        self._client: str | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._wire: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or abort it at the limit."""
        self._wire = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        client = network_of(str(peer[0])) if peer else ""
        if not self._listener.enter(client):
            self._wire.abort()
            return
        self._client = client
        _give_up_silent(transport.get_extra_info("socket"))
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the timer and release the connection's place."""
        self._proceed()
        if self._client is not None:
            self._listener.leave(self._client)
            self._client = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the read timeout, since the client is slow and its buffer is full."""
        super().pause_writing()
        self._stalled = self._loop.call_later(READ_TIMEOUT, self._give_up)

    def resume_writing(self) -> None:
        """Stop the read timeout, since the client has read most of its buffer."""
        self._proceed()
        super().resume_writing()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed HTTP with a JSON error; log it at debug level so as not to fill the log.

        Errors of status 500 or more are aiohttp's. Raises ConnectionError if a part of another
        answer has been sent already.
        """
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            failed = super().handle_error(request, status, exc, message)
            failed.headers[hdrs.SERVER] = SERVER
            return failed
        count_refusal("head")
        _log.debug("%s sent a malformed request: %s", request.remote, message)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another answer has been sent already")
        error = ApiError(HTTPStatus(status), "bad-request", "this is not a valid HTTP request")
        response = early_response(error, request, self._listener.conf)
        response.force_close()
        return response

    def _proceed(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _give_up(self) -> None:
        count_refusal("slow")
        if self._wire is not None:
            self._wire.abort()


def _give_up_silent(connection: Any) -> None:
    """Set TCP_USER_TIMEOUT: the kernel then ends a connection whose last bytes are never read."""
    # Those bytes have left our buffer, so the read timeout does not cover them.
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if connection is not None and option is not None:
        connection.setsockopt(socket.IPPROTO_TCP, option, int(READ_TIMEOUT * 1000))


def _affordable(most: int, conf: WebSecurity) -> int:
    """Raise the limit of open files; return how many connections, at most `most`, fit in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return most
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    fewer = most if raised == wanted else min(most, max(LEAST, raised // 2))
    if fewer < most:
        _log.warning(
            "a process may open %d files here: connections to the web server are limited to %d, "
            "not %s=%d",
            *(raised, fewer, variable_of(type(conf), "web_connections"), most),
        )
    return fewer
