"""Security headers of every answer: no type sniffing, no inline scripts, no embedding."""

from aiohttp import hdrs, web

from eventfold.security.web import WebSecurity
from eventfold.web.errors import ApiError
from eventfold.web.protection.cors import share
from eventfold.web.protection.keys import CONF

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
