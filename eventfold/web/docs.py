"""`/api/docs`: a page that lists the API and asks it, drawn from `/openapi.json`."""

from aiohttp import web

from eventfold.web.dashboard import STATIC
from eventfold.web.parameters import Values


async def page(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the page."""
    return web.FileResponse(request.app[STATIC] / "docs.html")
