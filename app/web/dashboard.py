"""`/` and `/static/`: the dashboard's files, as they are."""

from pathlib import Path

from aiohttp import web

from app.web.parameters import Values

STATIC = Path(__file__).parent / "static"

_HEADERS = {
    # Everything the dashboard needs comes from this worker, nothing of it stands inline.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


async def dashboard(_: web.Request, __: Values) -> web.StreamResponse:
    """Answer with the dashboard."""
    return web.FileResponse(STATIC / "index.html")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the browser what it may do with an answer, and not to keep it unasked."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    # Files are asked for again each time (304 where unchanged), data is never kept.
    kept = "no-cache" if request.path == "/" or request.path.startswith("/static/") else "no-store"
    response.headers.setdefault("Cache-Control", kept)
