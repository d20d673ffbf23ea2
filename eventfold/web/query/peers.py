"""The other workers of the application: who owns which partition, and requests to them."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from os import strerror
from typing import NamedTuple, cast

from aiohttp import ClientConnectorError, ClientError, ClientTimeout
from faust.assignor.partition_assignor import PartitionAssignor
from faust.types import AppT
from faust.types.assignor import HostToPartitionMap
from yarl import URL

from eventfold.answers import read_answer
from eventfold.telemetry import traces

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
_unreachable: set[URL] = set()


def distribution(app: AppT) -> "HostToPartitionMap":
    """Return worker address → source topic → partitions; empty before the first assignment."""
    # Faust's assignor interface lacks this property; its only implementation has it.
    return cast("PartitionAssignor", app.assignor).external_topic_distribution


def owners(app: AppT, topic: str) -> dict[int, str]:
    """Return partition → address of its owner; empty before the first assignment."""
    return {
        partition: url
        for url, topics in distribution(app).items()
        for partition in topics.get(topic, ())
    }


def own_url(app: AppT) -> str:
    """Return the address under which other workers know this one."""
    return str(app.conf.canonical_url)


def remote_workers(app: AppT, urls: Iterable[str] | None = None) -> list[str]:
    """Return each of `urls` once and in order, by default all workers, without this one."""
    every = distribution(app) if urls is None else urls
    return [url for url in dict.fromkeys(every) if url != own_url(app)]


class Reply(NamedTuple):
    """Reply of another worker; without a `body` unless its status was 200."""

    worker: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    #: Reason why the worker did not answer; None if it did.
    failure: str | None = None


async def ask(
    app: AppT, urls: Iterable[str], path: URL, headers: Mapping[str, str] | None = None
) -> list[Reply]:
    """Request `path` from all `urls` at once; return a Reply of each, with any `failure`."""
    return await asyncio.gather(*(_ask(app, url, path, headers or {}) for url in urls))


async def _ask(app: AppT, name: str, path: URL, headers: Mapping[str, str]) -> Reply:
    worker = URL(name)
    # Not `join`, which decodes and encodes again: a key may contain an escaped slash.
    url = URL(f"{worker.origin()}{path.raw_path_qs}", encoded=True)
    if app.http_client.closed:
        # The client that asks this worker gets a 503 for partitions that are moving.
        return Reply(name, failure="this worker stops")
    try:
        async with app.http_client.get(
            url,
            headers={FORWARDED: "1", **headers, **traces.headers()},
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as reply:
            body = await read_answer(reply)
    except (ClientError, TimeoutError, OSError) as error:
        reason = _describe(error)
        # Logged once until it answers again, since every request in between fails alike.
        if worker not in _unreachable:
            _unreachable.add(worker)
            _log.warning("worker %s does not answer: %s", worker, reason)
        return Reply(name, failure=reason)
    _unreachable.discard(worker)
    if reply.status in _REFUSED:
        return Reply(name, failure=f"{reply.status}, it has another cluster token")
    return Reply(name, body if reply.status == HTTPStatus.OK else None, reply.headers)


def _describe(error: Exception) -> str:
    """Describe in a few words why there is no answer."""
    if isinstance(error, TimeoutError):
        return f"not within {TIMEOUT.total:.0f} s"
    if isinstance(error, ClientConnectorError):
        number = error.os_error.errno
        return strerror(number).lower() if number else str(error.os_error)
    return str(error) or type(error).__name__
