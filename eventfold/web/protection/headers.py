"""Headers of every answer for browsers: security, and CORS for the sites in the settings.

Security: no type sniffing, no inline scripts, no embedding. Cross-origin resource sharing (Fetch
standard, 3.2) never shares cookies: a page of another site sends a token or is anonymous.
"""

from aiohttp import hdrs, web

from eventfold.security.web import WebSecurity
from eventfold.web.errors import ApiError
from eventfold.web.protection.addresses import CONF

#: Content security policy: files and answers of this worker only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

#: Header `Server`, without the versions that aiohttp would reveal.
SERVER = "tickstream"

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

#: Seconds for which a browser caches the answer to a preflight.
_MAX_AGE = "600"

_EXPOSED = "ETag, Retry-After, Tickstream-Missing, Tickstream-Stale"


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that an answer does not have yet, and hide the server's versions."""
    # Not `request.app`, which is the inner application where one is mounted in another.
    _add(request, response, request.config_dict[CONF])


def early_response(error: ApiError, request: web.BaseRequest, conf: WebSecurity) -> web.Response:
    """Return the answer to a request refused before the application, with the usual headers."""
    response = error.response()
    _add(request, response, conf)
    if request.can_read_body:
        # The rest of the body is not worth waiting for.
        response.force_close()
    return response


def _add(request: web.BaseRequest, response: web.StreamResponse, conf: WebSecurity) -> None:
    share(request, response, conf)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = SERVER


def preflight(request: web.Request, conf: WebSecurity) -> web.Response | None:
    """Return the answer to a preflight request of a browser; None for any other request."""
    is_options = request.method == hdrs.METH_OPTIONS
    if not (is_options and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers):
        return None
    response = web.Response(status=204)
    if share(request, response, conf):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, HEAD"
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Authorization, Last-Event-ID"
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _MAX_AGE
    return response


def share(request: web.BaseRequest, response: web.StreamResponse, conf: WebSecurity) -> bool:
    """Add CORS headers if the settings allow the request's site; return whether they do."""
    origin = request.headers.get(hdrs.ORIGIN)
    if not conf.web_origins or origin is None:
        return False
    if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in response.headers:
        return True
    anybody = "*" in conf.web_origins
    if not (anybody or origin in conf.web_origins):
        return False
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*" if anybody else origin
    response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if not anybody:
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    return True
