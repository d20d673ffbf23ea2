"""Limits on request bodies: their size, and the time they take."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from eventfold.web.errors import ApiError
from eventfold.web.protection.refused import count_refusal

#: Maximum size (bytes): aiohttp's own limit for a body, and ours for `Content-Length`.
LIMIT = 1 << 20

#: Seconds within which a body has to arrive.
TIMEOUT = 10.0


async def receive(request: web.Request) -> None:
    """Read a body and keep it for the handler. Raises ApiError (408, 413)."""
    if not request.can_read_body:
        return
    if (request.content_length or 0) > LIMIT:
        raise _too_large()
    try:
        async with asyncio.timeout(TIMEOUT):
            await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _too_large() from None
    except TimeoutError:
        count_refusal("slow")
        status = HTTPStatus.REQUEST_TIMEOUT
        raise ApiError(status, "too-slow", f"a body comes within {TIMEOUT:.0f} s") from None


def _too_large() -> ApiError:
    count_refusal("body")
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return ApiError(status, "too-large", f"a body has {LIMIT:,} bytes at most")
