"""Caching of answers by clients: an ETag for unchanged answers, gzip for the others."""

import asyncio
import gzip
from functools import lru_cache
from hashlib import blake2b
from http import HTTPStatus

from aiohttp import ETag, web
from aiohttp.typedefs import Handler

from eventfold.web.query.coverage import MISSING, STALE

#: Minimum size (bytes) of an answer that is compressed: a smaller one fits into a packet anyway.
LEAST = 1_400

_TEXT = {
    *("application/json", "text/plain", "text/html", "text/css", "text/javascript"),
    "image/svg+xml",
}

#: Paths whose answers have an ETag; those of files may be kept by any cache.
_FILES = "/static/"
_TAGGED = (_FILES, "/api/", "/openapi.json")

#: Headers that a 304, which has no body, keeps.
_KEPT = ("Cache-Control", "ETag", "Vary", MISSING, STALE)


async def add_cache_control(request: web.Request, response: web.StreamResponse) -> None:
    """Set `Cache-Control` if the handler did not."""
    # A browser revalidates pages and files each time (304 if unchanged) and never stores data.
    is_page = request.path == "/" or request.path.startswith((_FILES, "/pages/"))
    kept = "no-cache" if is_page else "no-store"
    response.headers.setdefault("Cache-Control", kept)


@web.middleware
async def save_bytes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 304 if the client has the answer already; compress others if it accepts gzip.

    ETags are for files, `/api/` and `/openapi.json` only.
    """
    response = await handler(request)
    if not isinstance(response, web.Response) or response.status != HTTPStatus.OK:
        return response
    body = response.body
    if not isinstance(body, bytes) or response.content_type not in _TEXT:
        return response
    if request.path.startswith(_TAGGED):
        response.etag = ETag(_tag(response, body), is_weak=True)
        # The browser may store the answer, but has to revalidate it each time.
        is_file = request.path.startswith(_FILES)
        response.headers["Cache-Control"] = "no-cache" if is_file else "private, no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        known = {each.value for each in request.if_none_match or ()}
        if known & {response.etag.value, "*"}:
            kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)
    if len(body) >= LEAST and "gzip" in request.headers.get("Accept-Encoding", ""):
        if request.path.startswith(_FILES):
            response.headers["Content-Encoding"] = "gzip"
            response.body = await asyncio.to_thread(_compressed, body)
        else:
            response.enable_compression(web.ContentCoding.gzip)
    return response


@lru_cache(maxsize=512)
def _compressed(body: bytes) -> bytes:
    """Compress a file, once for all requests."""
    return gzip.compress(body, mtime=0)


def _tag(response: web.Response, body: bytes) -> str:
    # The labels count: the same rows from a standby are another answer.
    labels = "".join(response.headers.get(name, "") for name in (MISSING, STALE))
    return blake2b(body + labels.encode(), digest_size=12).hexdigest()
