"""Cross-origin resource sharing (Fetch standard, 3.2) for the sites in the settings.

Cookies are never shared: a page of another site sends a token or is anonymous.
"""

from aiohttp import hdrs, web

from eventfold.security.web import WebSecurity

#: Seconds for which a browser caches the answer to a preflight.
_MAX_AGE = "600"

_EXPOSED = "ETag, Retry-After, Tickstream-Missing, Tickstream-Stale"


def preflight(request: web.Request, conf: WebSecurity) -> web.Response | None:
    """Return the answer to a preflight request of a browser; None for any other request."""
    asked = request.method == hdrs.METH_OPTIONS
    if not (asked and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers):
        return None
    response = web.Response(status=204)
    if share(request, response, conf):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, HEAD"
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Authorization, Last-Event-ID"
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _MAX_AGE
    return response


def share(request: web.BaseRequest, response: web.StreamResponse, conf: WebSecurity) -> bool:
    """Add the CORS headers to a response if the settings allow the request's site.

    Return whether they allow it.
    """
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
