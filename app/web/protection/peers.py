"""How workers know each other: what one asks another is signed with the key they share.

The key itself never leaves a worker. Where a worker is, it learns from the consumer group: whoever
got into that could give any address, and would be sent a signature good for this question, at
that address, for a minute.
"""

import logging
import time
from http import HTTPStatus

import aiohttp
from aiohttp import web
from aiohttp.client_middlewares import ClientHandlerType

from app.security.web import WebSecurity
from app.web.peers import FORWARDED
from app.web.protection.seals import holds, seal

#: Time (ms since the epoch) and seal, with a dot between them.
SIGNATURE = "Tickstream-Signature"

#: How far the clocks of two workers may be apart, the time under way included (ms).
TOLERANCE = 60_000

_log = logging.getLogger(__name__)

#: The workers that refused us when they were last asked.
_refusing: set[str] = set()


def http_client(conf: WebSecurity) -> aiohttp.ClientSession:
    """Make the client by which a worker asks others: it signs what is marked as forwarded."""

    async def sign(
        request: aiohttp.ClientRequest, handler: ClientHandlerType
    ) -> aiohttp.ClientResponse:
        host = request.headers.get("Host", "")
        if conf.web_protected and FORWARDED in request.headers:
            now = int(time.time() * 1000)
            request.headers[SIGNATURE] = signature(conf, host, request.url.raw_path_qs, now)
        response = await handler(request)
        if SIGNATURE in request.headers:
            _note(response.status, host)
        return response

    return aiohttp.ClientSession(middlewares=(sign,))


def _note(status: int, worker: str) -> None:
    """Say it once, until it is well again."""
    if status != HTTPStatus.FORBIDDEN:
        _refusing.discard(worker)
    elif worker not in _refusing:
        _refusing.add(worker)
        _log.warning(
            "worker %s refuses to answer this one: all need the same "
            "TICKSTREAM_WEB_CLUSTER_TOKEN, or the same tokens and users, and the right time",
            worker,
        )


def signature(conf: WebSecurity, host: str, target: str, time_ms: int) -> str:
    """Give the header of a question for `target` (path and query) at `host`."""
    return f"{time_ms}.{seal(conf.cluster_key, str(time_ms), host, target)}"


def is_peer(request: web.Request, conf: WebSecurity) -> bool:
    """Say whether another worker signed this request, for us, within the last minute."""
    said, _, proof = request.headers.get(SIGNATURE, "").partition(".")
    if not (said.isascii() and said.isdigit() and len(said) < 20):
        return False
    fresh = abs(time.time() * 1000 - int(said)) <= TOLERANCE
    target = request.rel_url.raw_path_qs
    return fresh and holds(conf.cluster_key, proof, said, request.host, target)
