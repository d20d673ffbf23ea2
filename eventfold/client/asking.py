"""Requests to workers: any of several addresses, and errors in one line."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import httpx2
import msgspec
import stamina

from eventfold.decoding import decode_json
from eventfold.retry_after import retry_after

#: Seconds to connect, and between two pieces of an answer.
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)

#: Statuses of a worker that may answer later, or of a proxy before one that is away.
_LATER = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class ClientError(Exception):
    """Workers can't answer; the message is one line."""


class UnknownError(ClientError):
    """There is no such table or key."""


class BusyError(ClientError):
    """A worker may answer later, after `seconds` if it named them."""

    def __init__(self, message: str, seconds: float | None) -> None:
        super().__init__(message)
        self.seconds = seconds


class _Body(msgspec.Struct):
    """The body of an error."""

    class Error(msgspec.Struct):
        message: str

    error: Error


def waits(error: Exception) -> bool | float:
    """Return whether to ask again after an error, or the seconds after which."""
    if not isinstance(error, BusyError):
        return False
    return True if error.seconds is None else error.seconds


class Workers:
    """Workers of an application by their addresses, of which any answers for all.

    `urls` is one address, several separated by commas, or a list. The worker that answered last
    is asked first. Raises ClientError for what is no address.
    """

    def __init__(self, urls: str | Iterable[str], token: str | None, patience: float) -> None:
        texts = urls.split(",") if isinstance(urls, str) else urls
        self._urls = [_parse(text) for text in texts if text.strip()]
        if not self._urls:
            raise ClientError("name the address of a worker, such as http://127.0.0.1:6066")
        self._patience = patience
        self._current = 0
        #: Options of the HTTP clients. Proxies of the environment lead out of where workers are.
        self.options: dict[str, Any] = {
            "timeout": TIMEOUT,
            "trust_env": False,
            "headers": {"Authorization": f"Bearer {token}"} if token else {},
        }

    @property
    def url(self) -> httpx2.URL:
        """The address to ask."""
        return self._urls[self._current]

    @property
    def number(self) -> int:
        """The number of addresses."""
        return len(self._urls)

    def turn(self) -> None:
        """Ask the next address from now on."""
        self._current = (self._current + 1) % len(self._urls)

    def absent(self) -> ClientError:
        """Return the error that no worker answers."""
        return ClientError(f"no worker answers at {', '.join(map(_shown, self._urls))}: start it")

    def get(self, http: httpx2.Client, path: str, query: Mapping[str, Any]) -> bytes:
        """Return the body of an answer, after as many attempts as a busy worker demands.

        Raises ClientError: no worker answers, it rejects the request, or is busy for too long.
        """
        for attempt in stamina.retry_context(
            on=waits, attempts=None, timeout=self._patience, wait_initial=0.2
        ):
            with attempt:
                reply = self._ask(http, path, query)
                if reply.status_code != HTTPStatus.OK:
                    raise error_of(reply)
                body = reply.content
        return body

    def _ask(self, http: httpx2.Client, path: str, query: Mapping[str, Any]) -> httpx2.Response:
        for _ in self._urls:
            try:
                return http.get(self.url.join(path), params=dict(query))
            except httpx2.TransportError:
                self.turn()
        raise self.absent()


def error_of(reply: httpx2.Response) -> ClientError:
    """Return the error of an answer, whose body is read, in the worker's own words."""
    status, at = reply.status_code, _shown(reply.url)
    if status == HTTPStatus.UNAUTHORIZED:
        return ClientError(
            f"the worker at {at} asks for a token: Client(..., token=...), or set "
            "EVENTFOLD_WEB_TOKEN"
        )
    try:
        message = decode_json(reply.content, _Body).error.message
    except msgspec.MsgspecError:
        message = f"what answers at {at} is no worker: it answered {status}"
    if status in _LATER:
        return BusyError(message, retry_after(reply.headers.get("Retry-After", "")))
    return (UnknownError if status == HTTPStatus.NOT_FOUND else ClientError)(message)


def _parse(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text.strip().rstrip("/") + "/")
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ClientError(f"{text!r} is no address of a worker, such as http://127.0.0.1:6066")
    return url


def _shown(url: httpx2.URL) -> str:
    """Return an address without what may be secret in it."""
    return f"{url.scheme}://{url.netloc.decode()}"
