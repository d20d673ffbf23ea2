"""Requests of a command to a worker: an answer, or why there is none."""

from http import HTTPStatus
from typing import TypeVar

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


def address(conf: Settings) -> URL:
    """Return the address at which the worker of these settings answers."""
    return URL.build(scheme="http", host=conf.web_host, port=conf.web_port)


async def answer(conf: Settings, url: URL, kind: type[T]) -> T:
    """Return the answer of a worker. Raises CommandError where none does, or with its reason."""
    try:
        async with (
            ClientSession(timeout=_TIMEOUT, headers=conf.web_credentials) as http,
            http.get(url) as reply,
        ):
            status, body = reply.status, await read_answer(reply)
    except (ClientError, TimeoutError, OSError):
        raise CommandError(
            f"No worker answers at {url.origin()}: start a worker, or set WEB_PORT"
        ) from None
    try:
        if status == HTTPStatus.OK:
            return decode_json(body, kind)
        message = decode_json(body, ErrorBody).error.message
    except msgspec.MsgspecError:
        raise CommandError(f"What answers at {url.origin()} is no worker: set WEB_PORT") from None
    again = "; try again" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    raise CommandError(f"The worker at {url.origin()} can't say: {message}{again}")
