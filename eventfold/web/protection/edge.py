"""What every request meets first: the rate of its client, and whether its head can be read.

This is around the application, not one of its middlewares: aiohttp finds the route and answers
`Expect` before those.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from eventfold.web.errors import ApiError
from eventfold.web.protection.addresses import client_of
from eventfold.web.protection.headers import early_response
from eventfold.web.protection.keys import CONF
from eventfold.web.protection.middleware import GUARD
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import note
from eventfold.web.protection.shares import SHARES

#: A `Host` (RFC 9110, 7.2): names that are not ASCII come in their ASCII form.
_HOST = re.compile(r"(\[[\w:.%-]+\]|[\w.~%!$&'()*+,;=-]*)(:\d{0,5})?", re.ASCII)

#: Refusals of a client that are sent a second, twice that at once after a silence; and the seconds
#: that one is held back at most.
REFUSALS, LONGEST = 100.0, 10.0

Handle = Callable[[Any], Awaitable[web.StreamResponse]]


def guarded(application: web.Application, handle: Handle) -> Handle:
    """Return what answers a request: `handle`, or a refusal that costs next to nothing."""
    refusals = Rate(REFUSALS, 2 * REFUSALS)

    async def admit(request: web.Request) -> web.StreamResponse:
        client = client_of(request, application[CONF])
        try:
            application[GUARD].limit(request)
            _demand_readable(request)
            return await application[SHARES].charged(request, client, handle)
        except ApiError as error:
            # Who asks again at once is answered later and later.
            held = refusals.wait(client)
            refusals.spend(client, 1)
            await asyncio.sleep(min(held, LONGEST))
            return early_response(error, request, application[CONF])

    return admit


def readable(make_request: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes a request whose headers are text, whatever bytes they came as.

    Bytes that are no UTF-8 would be surrogates, which nothing can encode: not a log, not JSON,
    no signature. In their place stands U+FFFD, which matches nothing that we look for. It is no
    error: browsers send along the cookies of other programs of this host.
    """

    def make(message: Any, *args: Any, **options: Any) -> Any:
        if not all(map(_is_text, message.headers.values())):
            headers = CIMultiDict((name, _as_text(v)) for name, v in message.headers.items())
            message = message._replace(headers=CIMultiDictProxy(headers))
        return make_request(message, *args, **options)

    return make


def _demand_readable(request: web.Request) -> None:
    """Raise ApiError (400) where it is not certain what is asked for, or of whom."""
    if not _is_text(request.raw_path):
        raise _unreadable("the path is no UTF-8")
    # aiohttp has None for the host of a target such as `http:///`.
    if request.host is None or not _HOST.fullmatch(request.host):
        raise _unreadable("the header Host names no host")


def _unreadable(why: str) -> ApiError:
    note("head")
    return ApiError(HTTPStatus.BAD_REQUEST, "bad-request", why)


def _is_text(text: str) -> bool:
    return text.isascii() or text == _as_text(text)


def _as_text(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")
