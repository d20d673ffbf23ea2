"""What every answer tells a browser: believe the type, run nothing inline, embed nothing."""

from aiohttp import hdrs, web

from eventfold.security.web import WebSecurity
from eventfold.web.errors import ApiError
from eventfold.web.protection.cors import share
from eventfold.web.protection.keys import CONF

#: The dashboard's own files and answers, of this worker, and nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

#: Which versions answer is nobody's business.
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
    """Add them, but for those an answer has; and leave out which versions answer."""
    # Not `request.app`, which is the inner one where applications are mounted in others.
    _add(request, response, request.config_dict[CONF])


def early_response(error: ApiError, request: web.BaseRequest, conf: WebSecurity) -> web.Response:
    """Return the answer to what the application has not seen, with the headers of all others."""
    response = error.response()
    _add(request, response, conf)
    if request.can_read_body:
        # What is still to come of it is not worth waiting for.
        response.force_close()
    return response


def _add(request: web.BaseRequest, response: web.StreamResponse, conf: WebSecurity) -> None:
    share(request, response, conf)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = SERVER
