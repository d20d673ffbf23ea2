"""How workers know each other: what one asks another is signed with the key they share.

The key itself never leaves a worker. Where a worker is, it learns from the consumer group: whoever
got into that could give any address, and is sent signed questions. So a signature is good for one
question, with its body, at the worker that has this address, once, for a minute.
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

from app.settings import Settings
from eventfold.digits import read_digits
from eventfold.security.keys import keys_of
from eventfold.web.peers import FORWARDED
from eventfold.web.protection.seals import holds, seal

#: What workers need to take each other's questions.
IN_COMMON = (
    "the same TICKSTREAM_WEB_CLUSTER_TOKEN, or without one the same TICKSTREAM_WEB_ADMIN_TOKEN, "
    "and the right time"
)

#: Time (ms since the epoch), nonce, digest of the body and seal, with dots between them.
SIGNATURE = "Tickstream-Signature"

#: How far the clocks of two workers may be apart, the time under way included (ms).
TOLERANCE = 60_000

_log = logging.getLogger(__name__)

#: The workers that refused us when they were last asked.
_refusing: set[str] = set()


def http_client(conf: Settings) -> aiohttp.ClientSession:
    """Make the client by which a worker asks others: it signs what is marked as forwarded."""

    async def sign(
        request: aiohttp.ClientRequest, handler: ClientHandlerType
    ) -> aiohttp.ClientResponse:
        worker = address_of(request.url)
        if conf.web_protected and FORWARDED in request.headers:
            body = await request.body.as_bytes() if request.body else b""
            question = Question(request.method, worker, request.url.raw_path_qs, digest_of(body))
            now = int(time.time() * 1000)
            request.headers[SIGNATURE] = signature(keys_of(conf).cluster, question, now)
        response = await handler(request)
        if SIGNATURE in request.headers:
            _note(response.status, worker)
        return response

    return aiohttp.ClientSession(middlewares=(sign,))


def _note(status: int, worker: str) -> None:
    """Say it once, until it is well again."""
    if status != HTTPStatus.FORBIDDEN:
        _refusing.discard(worker)
    elif worker not in _refusing:
        _refusing.add(worker)
        _log.warning(
            "worker %s refuses to answer this one: all need %s",
            *(worker, IN_COMMON),
        )


class Question(NamedTuple):
    """What one worker asks another."""

    method: str
    #: Host and port of the one that is asked, as the consumer group knows it.
    worker: str
    #: Path and query.
    target: str
    #: Of its body.
    digest: str


def signature(key: bytes, question: Question, time_ms: int) -> str:
    """Return the header of a question; no two are the same."""
    said = str(time_ms), secrets.token_hex(16), question.digest
    return ".".join([*said, seal(key, *said, *question)])


def digest_of(body: bytes) -> str:
    """Return the digest of a body (SHA-256)."""
    return hashlib.sha256(body).hexdigest()


def address_of(url: URL) -> str:
    """Return host and port of a worker, written in one way."""
    return f"{url.host}:{url.port}"


class Peers:
    """Knows what other workers have asked this one, and takes each question once."""

    def __init__(self, conf: Settings, clock: Callable[[], float] = time.time) -> None:
        self._conf = conf
        self._clock = clock
        url = URL.build(scheme="http", host=conf.web_host, port=conf.web_port)
        self._address = address_of(url)
        #: What was signed before is refused: it may have been taken before a restart.
        self._since = self._now()
        #: Until when (ms) each nonce would be fresh, the one that came last at the end.
        self._taken: dict[str, int] = {}

    def take(self, request: web.BaseRequest) -> str | None:
        """Return the digest that the body of a question has to have.

        None where no other worker has signed it for this one within the last minute, or where it
        was taken before.
        """
        said, nonce, digest, proof = (*request.headers.get(SIGNATURE, "").split("."), *_NONE)[:4]
        sent, now = read_digits(said), self._now()
        if sent is None or sent < self._since or abs(now - sent) > TOLERANCE:
            return None
        question = Question(request.method, self._address, request.rel_url.raw_path_qs, digest)
        if not holds(self._key, proof, said, nonce, digest, *question) or nonce in self._taken:
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
