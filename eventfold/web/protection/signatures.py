"""Authentication between workers: each request to another worker is signed with a shared key.

The key itself never leaves a worker. Workers learn each other's addresses from the consumer group,
so an intruder in the group could announce any address and be sent signed requests. Therefore a
signature is valid for one request with its body, at the worker with this address, once, for a
minute.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from itertools import islice
from typing import NamedTuple

import aiohttp
from aiohttp import web
from aiohttp.client_middlewares import ClientHandlerType
from yarl import URL

from eventfold.decoding import read_digits
from eventfold.security.keys import keys_of
from eventfold.settings import Settings
from eventfold.web.protection.seals import holds, seal
from eventfold.web.query.peers import FORWARDED

#: Digest of the body that another worker has signed; None if the request has no valid signature.
SIGNED: web.RequestKey[str | None] = web.RequestKey("SIGNED", str)

#: Header: time (ms since the epoch), nonce, digest of the body and seal, separated by dots.
SIGNATURE = "Tickstream-Signature"

#: Maximum difference between the clocks of two workers, transit time included (ms).
TOLERANCE = 60_000

_log = logging.getLogger(__name__)

#: Workers that rejected the latest signed request of this one.
_rejecting: set[str] = set()


def in_common(conf: Settings) -> str:
    """Describe what workers need in common to accept each other's requests."""
    token, admin = conf.variable("web_cluster_token"), conf.variable("web_admin_token")
    return f"the same {token}, or without one the same {admin}, and the right time"


def http_client(conf: Settings) -> aiohttp.ClientSession:
    """Create the HTTP client, which signs requests with the header `FORWARDED`."""

    async def sign(
        request: aiohttp.ClientRequest, handler: ClientHandlerType
    ) -> aiohttp.ClientResponse:
        worker = address_of(request.url)
        if conf.web_protected and FORWARDED in request.headers:
            body = await request.body.as_bytes() if request.body else b""
            peer_request = PeerRequest(
                request.method, worker, request.url.raw_path_qs, digest_of(body)
            )
            now = int(time.time() * 1000)
            request.headers[SIGNATURE] = signature(keys_of(conf).cluster, peer_request, now)
        response = await handler(request)
        if SIGNATURE in request.headers:
            _note(response.status, worker, conf)
        return response

    return aiohttp.ClientSession(middlewares=(sign,))


def _note(status: int, worker: str, conf: Settings) -> None:
    """Log a rejection (403) by a worker once, until it accepts a request again."""
    if status != HTTPStatus.FORBIDDEN:
        _rejecting.discard(worker)
    elif worker not in _rejecting:
        _rejecting.add(worker)
        need = in_common(conf)
        _log.warning("worker %s rejects requests of this one: all workers need %s", worker, need)


class PeerRequest(NamedTuple):
    """Request from one worker to another."""

    method: str
    #: Host and port of the worker that receives it, as the consumer group knows it.
    worker: str
    #: Path and query.
    target: str
    #: Digest of the body.
    digest: str


def signature(key: bytes, peer_request: PeerRequest, time_ms: int) -> str:
    """Return the header SIGNATURE of a request to another worker, with a new nonce."""
    parts = str(time_ms), secrets.token_hex(16), peer_request.digest
    return ".".join([*parts, seal(key, *parts, *peer_request)])


def digest_of(body: bytes) -> str:
    """Return the SHA-256 digest of a body, in hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def address_of(url: URL) -> str:
    """Return the host and port of a worker's URL as `host:port`."""
    return f"{url.host}:{url.port}"


class Peers:
    """Verifier of requests from other workers, which accepts each one once."""

    def __init__(self, conf: Settings, clock: Callable[[], float] = time.time) -> None:
        self._conf = conf
        self._clock = clock
        url = URL.build(scheme="http", host=conf.web_host, port=conf.web_port)
        self._address = address_of(url)
        #: Earlier signatures are refused: a previous process may have accepted them.
        self._since = self._now()
        #: Accepted nonce → end of its validity (ms), in order of arrival.
        self._taken: dict[str, int] = {}

    def take(self, request: web.BaseRequest) -> str | None:
        """Return the signed digest, which the body must have; mark the request's nonce as used.

        Return None if the signature is not valid for this worker, if its time is more than
        `TOLERANCE` away or before this worker's start, or if it was accepted before.
        """
        time_ms, nonce, digest, proof = (*request.headers.get(SIGNATURE, "").split("."), *_NONE)[:4]
        sent, now = read_digits(time_ms), self._now()
        if sent is None or sent < self._since or abs(now - sent) > TOLERANCE:
            return None
        peer_request = PeerRequest(
            request.method, self._address, request.rel_url.raw_path_qs, digest
        )
        if (
            not holds(self._key, proof, time_ms, nonce, digest, *peer_request)
            or nonce in self._taken
        ):
            return None
        self._forget(now)
        self._taken[nonce] = sent + TOLERANCE
        return digest

    def _forget(self, now: int) -> None:
        for nonce, until in list(islice(self._taken.items(), 2)):
            if until < now:
                del self._taken[nonce]

    def _now(self) -> int:
        return int(self._clock() * 1000)

    @cached_property
    def _key(self) -> bytes:
        return keys_of(self._conf).cluster


_NONE = ("",) * 4
