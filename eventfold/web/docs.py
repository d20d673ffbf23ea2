"""`/api/docs`: a page that lists the API and sends requests to it, built from `/openapi.json`."""

from aiohttp import web

from eventfold.web.dashboard import STATIC
from eventfold.web.parameters import Values


async def page(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with `docs.html` of the dashboard's files."""
    return web.FileResponse(request.app[STATIC] / "docs.html")
