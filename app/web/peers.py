"""Asking the other workers of the application, over HTTP."""

import asyncio
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import ClientError, ClientTimeout, web
from faust.types import AppT
from yarl import URL

from app import traces

#: Marks a request that comes from another worker: answer from here, ask nobody.
FORWARDED = "Tickstream-Forwarded"
#: In what is answered to such a request: the partitions that were looked through, `0,2,5`.
PARTITIONS = "Tickstream-Partitions"

#: Seconds to wait for another worker. One that takes longer is stuck, or gone.
TIMEOUT = ClientTimeout(total=2, sock_connect=0.5)

_log = logging.getLogger(__name__)

#: The workers that did not answer when they were last asked.
_silent: set[URL] = set()


class Reply(NamedTuple):
    """What a worker said: an answer to pass on if it has one, and where it has looked."""

    response: web.Response | None = None
    partitions: frozenset[int] = frozenset()


async def ask(app: AppT, urls: Iterable[str], path: URL) -> list[Reply]:
    """Ask the workers at `urls` for `path`, all at once; silence is an empty Reply."""
    return await asyncio.gather(*(_ask(app, URL(url), path) for url in urls))


async def _ask(app: AppT, worker: URL, path: URL) -> Reply:
    # Not `join`: it would decode and encode anew, and a key may hold an escaped slash.
    url = URL(f"{worker.origin()}{path.raw_path_qs}", encoded=True)
    if app.http_client.closed:
        return Reply()  # this worker stops: who asks it hears that partitions are moving
    try:
        async with app.http_client.get(
            url,
            headers={FORWARDED: "1", **traces.headers()},
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as reply:
            answer = _read(reply.status, reply.headers.get(PARTITIONS, ""), await reply.read())
    except (ClientError, TimeoutError, OSError) as error:
        _note_silence(worker, str(error) or type(error).__name__)
        return Reply()
    _silent.discard(worker)
    return answer


def _note_silence(worker: URL, reason: str) -> None:
    # Once, until it answers again: every request in between finds the same.
    if worker not in _silent:
        _silent.add(worker)
        _log.warning("worker %s does not answer: %s", worker, reason)


def _read(status: int, partitions: str, body: bytes) -> Reply:
    searched = frozenset(int(p) for p in partitions.split(",") if p.isdigit())
    if status == HTTPStatus.OK:
        response = web.Response(body=body, content_type="application/json", charset="utf-8")
        return Reply(response, searched)
    return Reply(None, searched if status == HTTPStatus.NOT_FOUND else frozenset())
