"""What saves a client bytes: an ETag for what has not changed, gzip for what has."""

from hashlib import blake2b
from http import HTTPStatus

from aiohttp import ETag, web
from aiohttp.typedefs import Handler

from eventfold.web.coverage import MISSING, STALE

#: Bytes from which on an answer is compressed: what is less fits into a packet anyway.
LEAST = 1_400

_TEXT = {"application/json", "text/plain", "text/html"}

#: What an answer keeps where its body is left out (304).
_KEPT = ("Cache-Control", "ETag", "Vary", MISSING, STALE)


@web.middleware
async def save_bytes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 304 to who has it already, and compress the rest where the client can read it."""
    response = await handler(request)
    if not isinstance(response, web.Response) or response.status != HTTPStatus.OK:
        return response
    body = response.body
    if not isinstance(body, bytes) or response.content_type not in _TEXT:
        return response
    if request.path.startswith("/api/") or request.path == "/openapi.json":
        response.etag = ETag(_tag(response, body), is_weak=True)
        # Kept, but asked for again each time.
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        if _has(request, response.etag):
            return _not_modified(response)
    if len(body) >= LEAST and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _tag(response: web.Response, body: bytes) -> str:
    # What a standby answers is another answer, be it the same rows.
    labels = "".join(response.headers.get(name, "") for name in (MISSING, STALE))
    return blake2b(body + labels.encode(), digest_size=12).hexdigest()


def _has(request: web.Request, tag: ETag) -> bool:
    known = request.if_none_match or ()
    return any(each.value in {tag.value, "*"} for each in known)


def _not_modified(response: web.Response) -> web.Response:
    kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
    return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)
