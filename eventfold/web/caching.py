"""Caching of answers by clients: an ETag for unchanged answers, gzip for the others."""

from hashlib import blake2b
from http import HTTPStatus

from aiohttp import ETag, web
from aiohttp.typedefs import Handler

from eventfold.web.query.coverage import MISSING, STALE

#: Minimum size (bytes) of an answer that is compressed: a smaller one fits into a packet anyway.
LEAST = 1_400

_TEXT = {"application/json", "text/plain", "text/html"}

#: Headers that a 304, which has no body, keeps.
_KEPT = ("Cache-Control", "ETag", "Vary", MISSING, STALE)


async def add_cache_control(request: web.Request, response: web.StreamResponse) -> None:
    """Set `Cache-Control` if the handler did not."""
    # A browser revalidates files each time (304 if unchanged) and never stores data.
    kept = "no-cache" if request.path == "/" or request.path.startswith("/static/") else "no-store"
    response.headers.setdefault("Cache-Control", kept)


@web.middleware
async def save_bytes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 304 if the client has the answer of the API already; compress others if it may."""
    response = await handler(request)
    if not isinstance(response, web.Response) or response.status != HTTPStatus.OK:
        return response
    body = response.body
    if not isinstance(body, bytes) or response.content_type not in _TEXT:
        return response
    if request.path.startswith("/api/") or request.path == "/openapi.json":
        response.etag = ETag(_tag(response, body), is_weak=True)
        # The browser may store the answer, but has to revalidate it each time.
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        known = {each.value for each in request.if_none_match or ()}
        if known & {response.etag.value, "*"}:
            kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)
    if len(body) >= LEAST and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _tag(response: web.Response, body: bytes) -> str:
    # The labels count: the same rows from a standby are another answer.
    labels = "".join(response.headers.get(name, "") for name in (MISSING, STALE))
    return blake2b(body + labels.encode(), digest_size=12).hexdigest()
