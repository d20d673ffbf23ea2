"""First checks of every request: its client's rate, and a well-formed head.

They wrap the application instead of being one of its middlewares, because aiohttp resolves the
route and answers `Expect` before those.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from eventfold.web.errors import ApiError
from eventfold.web.protection.addresses import CONF, client_of
from eventfold.web.protection.headers import early_response
from eventfold.web.protection.middleware import GUARD
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import count_refusal
from eventfold.web.protection.shares import SHARES

#: Header `Host` (RFC 9110, 7.2); names that are not ASCII arrive in their ASCII form.
_HOST = re.compile(r"(\[[\w:.%-]+\]|[\w.~%!$&'()*+,;=-]*)(:\d{0,5})?", re.ASCII)

#: Refusals per second that a client gets without delay, with a burst of twice that after a pause;
#: and the longest delay of a refusal (s).
REFUSALS, LONGEST = 100.0, 10.0

Handle = Callable[[Any], Awaitable[web.StreamResponse]]


def guarded(application: web.Application, handle: Handle) -> Handle:
    """Return a handler that calls `handle`, or refuses a request at next to no cost."""
    refusals = Rate(REFUSALS, 2 * REFUSALS)

    async def admit(request: web.Request) -> web.StreamResponse:
        client = client_of(request, application[CONF])
        try:
            application[GUARD].limit(request)
            _demand_readable(request)
            return await application[SHARES].charged(request, client, handle)
        except ApiError as error:
            # A client that retries at once is answered with growing delay.
            delay = refusals.wait(client)
            refusals.spend(client, 1)
            await asyncio.sleep(min(delay, LONGEST))
            return early_response(error, request, application[CONF])

    return admit


def readable(make_request: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a request factory so that all header values are valid Unicode, whatever arrived."""
    # Bytes that are not UTF-8 would become surrogates, which no log, JSON or signature can encode.
    # U+FFFD replaces them, which matches no value that we compare. They are not an error, because
    # browsers also send the cookies of other programs on this host.

    def make(message: Any, *args: Any, **options: Any) -> Any:
        if not all(map(_is_text, message.headers.values())):
            headers = CIMultiDict((name, _as_text(v)) for name, v in message.headers.items())
            message = message._replace(headers=CIMultiDictProxy(headers))
        return make_request(message, *args, **options)

    return make


def _demand_readable(request: web.Request) -> None:
    """Raise ApiError (400) if the path is not UTF-8 or the header `Host` is malformed."""
    if not _is_text(request.raw_path):
        raise _unreadable("the path is not UTF-8")
    # aiohttp's host is None for a target such as `http:///`.
    if request.host is None or not _HOST.fullmatch(request.host):
        raise _unreadable("the header Host is malformed")


def _unreadable(why: str) -> ApiError:
    count_refusal("head")
    return ApiError(HTTPStatus.BAD_REQUEST, "bad-request", why)


def _is_text(text: str) -> bool:
    return text.isascii() or text == _as_text(text)


def _as_text(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")
