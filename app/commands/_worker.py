"""Asking the worker of this process's settings, as a command does: an answer, or why not."""

from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from app.commands._process import CommandError
from app.settings import Settings, settings
from eventfold.answers import read_answer
from eventfold.decoding import decode_json
from eventfold.web.errors import ErrorBody

T = TypeVar("T")

#: A worker asks the others for 2 s at most.
_TIMEOUT = ClientTimeout(total=10)


def address(conf: Settings) -> URL:
    """Return the address at which the worker of these settings answers."""
    return URL.build(scheme="http", host=conf.web_host, port=conf.web_port)


def headers(conf: Settings) -> dict[str, str]:
    """Return the headers of every request to a worker."""
    return conf.web_credentials


async def answer(url: URL, kind: type[T]) -> T:
    """Return the answer of a worker. Raises CommandError where none does, or with its reason."""
    try:
        async with (
            ClientSession(timeout=_TIMEOUT, headers=headers(settings())) as http,
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
        raise CommandError(
            f"What answers at {url.origin()} is no worker of tickstream: set WEB_PORT"
        ) from None
    again = "; try again" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    raise CommandError(f"The worker at {url.origin()} can't say: {message}{again}")
