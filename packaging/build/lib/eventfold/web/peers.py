"""HTTP client for the other workers of the application."""

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

#: Header of a request from another worker: answer from local state alone.
FORWARDED = "Tickstream-Forwarded"
#: Header of such a request: answer from the standbys of these partitions alone, `0,2,5`.
STANDBY = "Tickstream-Standby"
#: Header of the answer to such a request: the partitions that were searched, `0,2,5`.
PARTITIONS = "Tickstream-Partitions"

#: Seconds to wait for another worker; one that takes longer is blocked or gone.
TIMEOUT = ClientTimeout(total=2, sock_connect=0.5)

#: Statuses of a worker with another cluster token.
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

_log = logging.getLogger(__name__)

#: Workers that did not answer the latest request.
_silent: set[URL] = set()


class Reply(NamedTuple):
    """Reply of a worker: its response, if it has one, and the partitions that it searched."""

    response: web.Response | None = None
    partitions: frozenset[int] = frozenset()
    #: Address of the worker.
    worker: str = ""
    #: Reason why the worker did not answer; None if it did.
    silence: str | None = None
    #: Its header `STALE`: the partitions that a standby answered for.
    stale: str = ""

    @property
    def body(self) -> bytes | None:
        """Body of the response; None without a response."""
        body = None if self.response is None else self.response.body
        return body if isinstance(body, bytes) else None


async def ask(
    app: AppT, urls: Iterable[str], path: URL, headers: Mapping[str, str] | None = None
) -> list[Reply]:
    """Request `path` from the workers at `urls`, all at once.

    Return a Reply for each, in the same order; one that does not answer has its `silence` set.
    """
    return await asyncio.gather(*(_ask(app, url, path, headers or {}) for url in urls))


async def _ask(app: AppT, name: str, path: URL, headers: Mapping[str, str]) -> Reply:
    worker = URL(name)
    # Not `join`, which decodes and encodes again: a key may contain an escaped slash.
    url = URL(f"{worker.origin()}{path.raw_path_qs}", encoded=True)
    if app.http_client.closed:
        # The client that asks this worker gets a 503 for partitions that are moving.
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
    """Describe in a few words why there is no answer."""
    if isinstance(error, TimeoutError):
        return f"not within {TIMEOUT.total:.0f} s"
    if isinstance(error, ClientConnectorError):
        number = error.os_error.errno
        return strerror(number).lower() if number else str(error.os_error)
    return str(error) or type(error).__name__


def _note_silence(worker: URL, reason: str) -> None:
    # Logged once until it answers again, since every request in between fails alike.
    if worker not in _silent:
        _silent.add(worker)
        _log.warning("worker %s does not answer: %s", worker, reason)


def read_partitions(text: str) -> list[int]:
    """Parse the partitions in a header of another worker, `0,2,5`; skip what is no number."""
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
