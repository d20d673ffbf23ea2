"""What is sent to us: not too much of it, and not too slowly."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from eventfold.web.errors import ApiError
from eventfold.web.protection.refused import note

#: Bytes; aiohttp's own limit for what it reads, and ours for what is announced.
LIMIT = 1 << 20

#: Seconds that a body may take.
TIMEOUT = 10.0


async def receive(request: web.Request) -> None:
    """Read the body of a request, which its handler then has. Raises ApiError: 408, 413."""
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
        note("slow")
        status = HTTPStatus.REQUEST_TIMEOUT
        raise ApiError(status, "too-slow", f"a body comes within {TIMEOUT:.0f} s") from None


def _too_large() -> ApiError:
    note("body")
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return ApiError(status, "too-large", f"a body has {LIMIT:,} bytes at most")
