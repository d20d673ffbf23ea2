"""What every answer tells a browser: believe the type, run nothing inline, embed nothing."""

from aiohttp import hdrs, web

from app.web.protection.cors import share
from app.web.protection.keys import CONF

#: The dashboard's own files and answers, of this worker, and nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

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
    share(request, response, request.config_dict[CONF])
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = "tickstream"
