"""`/` and `/static/`: the dashboard's static files."""

from pathlib import Path

from aiohttp import web

from eventfold.web.parameters import Values

#: The directory of the dashboard's files.
STATIC: web.AppKey[Path] = web.AppKey("STATIC", Path)


async def dashboard(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the dashboard."""
    return web.FileResponse(request.app[STATIC] / "index.html")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set `Cache-Control` if the handler did not; `protection` sets the security headers."""
    # A browser revalidates files each time (304 if unchanged) and never stores data.
    kept = "no-cache" if request.path == "/" or request.path.startswith("/static/") else "no-store"
    response.headers.setdefault("Cache-Control", kept)
