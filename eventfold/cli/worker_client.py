"""Requests of a command to a worker: an answer, or why there is none."""

from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from eventfold.answers import read_answer
from eventfold.cli.command import CommandError
from eventfold.decoding import decode_json
from eventfold.settings import Settings
from eventfold.web.errors import ErrorBody

T = TypeVar("T")

#: A worker asks the others for 2 s at most.
_TIMEOUT = ClientTimeout(total=10)


class NoWorkerError(CommandError):
    """A worker can't be asked, or has no answer; the message is one line."""


def address(conf: Settings) -> URL:
    """Return the address at which the worker of these settings answers."""
    return URL.build(scheme="http", host=conf.web_host, port=conf.web_port)


async def answer(conf: Settings, url: URL, kind: type[T]) -> T:
    """Return the answer of a worker. Raises NoWorkerError where none does, or with its reason."""
    async with ClientSession(timeout=_TIMEOUT, headers=conf.web_credentials) as http:
        body = await request(http, url, "start a worker, or set WEB_PORT")
    try:
        return decode_json(body, kind)
    except msgspec.MsgspecError:
        raise _stranger(url) from None


async def request(http: ClientSession, url: URL, remedy: str, **options: Any) -> bytes:
    """Return the body of a worker's answer; `options` are those of `http.get`.

    Raises NoWorkerError with the worker's reason, or with `remedy` if nobody answers.
    """
    try:
        async with http.get(url, allow_redirects=False, **options) as reply:
            status, body = reply.status, await read_answer(reply)
    except (ClientError, TimeoutError, OSError):
        raise NoWorkerError(f"No worker answers at {url.origin()}: {remedy}") from None
    if status == HTTPStatus.OK:
        return body
    try:
        message = decode_json(body, ErrorBody).error.message
    except msgspec.MsgspecError:
        raise _stranger(url) from None
    again = "; try again" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    raise NoWorkerError(f"The worker at {url.origin()} can't say: {message}{again}")


def _stranger(url: URL) -> NoWorkerError:
    return NoWorkerError(f"What answers at {url.origin()} is no worker: set WEB_PORT")
