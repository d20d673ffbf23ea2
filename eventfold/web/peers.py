"""Asking the other workers of the application, over HTTP."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from os import strerror
from typing import NamedTuple

from aiohttp import ClientConnectorError, ClientError, ClientTimeout, web
from faust.types import AppT
from yarl import URL

from eventfold.answers import read_answer
from eventfold.digits import read_digits
from eventfold.telemetry import traces
from eventfold.web.coverage import STALE

#: Marks a request that comes from another worker: answer from here, ask nobody.
FORWARDED = "Tickstream-Forwarded"
#: In such a request: answer from the standbys of these partitions, `0,2,5`, and nothing else.
STANDBY = "Tickstream-Standby"
#: In what is answered to such a request: the partitions that were looked through, `0,2,5`.
PARTITIONS = "Tickstream-Partitions"

#: Seconds to wait for another worker. One that takes longer is stuck, or gone.
TIMEOUT = ClientTimeout(total=2, sock_connect=0.5)

#: What a worker says to one that does not know its cluster token.
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

_log = logging.getLogger(__name__)

#: The workers that did not answer when they were last asked.
_silent: set[URL] = set()


class Reply(NamedTuple):
    """What a worker said: an answer to pass on if it has one, and where it has looked."""

    response: web.Response | None = None
    partitions: frozenset[int] = frozenset()
    #: Whom was asked.
    worker: str = ""
    #: Why there is no answer; None if there is one.
    silence: str | None = None
    #: What of it is a standby's, as its header says.
    stale: str = ""

    @property
    def body(self) -> bytes | None:
        """The body of an answer that may be passed on."""
        body = None if self.response is None else self.response.body
        return body if isinstance(body, bytes) else None


async def ask(
    app: AppT, urls: Iterable[str], path: URL, headers: Mapping[str, str] | None = None
) -> list[Reply]:
    """Ask the workers at `urls` for `path`, all at once; silence is a Reply without answer."""
    return await asyncio.gather(*(_ask(app, url, path, headers or {}) for url in urls))


async def _ask(app: AppT, name: str, path: URL, headers: Mapping[str, str]) -> Reply:
    worker = URL(name)
    # Not `join`: it would decode and encode anew, and a key may hold an escaped slash.
    url = URL(f"{worker.origin()}{path.raw_path_qs}", encoded=True)
    if app.http_client.closed:
        # Who asks this worker hears that partitions are moving.
        return Reply(worker=name, silence="this worker stops")
    try:
        async with app.http_client.get(
            url,
            headers={FORWARDED: "1", **headers, **traces.headers()},
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as reply:
            answer = _read(name, reply.status, reply.headers, await read_answer(reply))
    except (ClientError, TimeoutError, OSError) as error:
        reason = _reason(error)
        _note_silence(worker, reason)
        return Reply(worker=name, silence=reason)
    _silent.discard(worker)
    return answer


def _reason(error: Exception) -> str:
    """Say in a few words why there is no answer."""
    if isinstance(error, TimeoutError):
        return f"not within {TIMEOUT.total:.0f} s"
    if isinstance(error, ClientConnectorError):
        number = error.os_error.errno
        return strerror(number).lower() if number else str(error.os_error)
    return str(error) or type(error).__name__


def _note_silence(worker: URL, reason: str) -> None:
    # Once, until it answers again: every request in between finds the same.
    if worker not in _silent:
        _silent.add(worker)
        _log.warning("worker %s does not answer: %s", worker, reason)


def read_partitions(text: str) -> list[int]:
    """Return the partitions that a header of another worker lists, `0,2,5`; others are skipped."""
    numbers = map(read_digits, text.split(","))
    return [number for number in numbers if number is not None]


def _read(worker: str, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    searched = frozenset(read_partitions(headers.get(PARTITIONS, "")))
    stale = headers.get(STALE, "")
    if status == HTTPStatus.OK:
        response = web.Response(body=body, content_type="application/json", charset="utf-8")
        if stale:
            response.headers[STALE] = stale
        return Reply(response, searched, worker, None, stale)
    if status in _REFUSED:
        return Reply(worker=worker, silence=f"{status}, as to other tokens than its own")
    found = searched if status == HTTPStatus.NOT_FOUND else frozenset()
    return Reply(None, found, worker, None, stale)
