"""`/` and `/static/`: the dashboard's files, as they are."""

from pathlib import Path

from aiohttp import web

from eventfold.web.parameters import Values

#: The directory of the dashboard's files.
STATIC: web.AppKey[Path] = web.AppKey("STATIC", Path)


async def dashboard(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the dashboard."""
    return web.FileResponse(request.app[STATIC] / "index.html")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the browser not to keep an answer unasked; `protection` tells it the rest."""
    # Files are asked for again each time (304 where unchanged), data is never kept.
    kept = "no-cache" if request.path == "/" or request.path.startswith("/static/") else "no-store"
    response.headers.setdefault("Cache-Control", kept)
