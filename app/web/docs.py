"""`/api/docs`: a page that lists the API and asks it, drawn from `/openapi.json`."""

from aiohttp import web

from app.web.dashboard import STATIC
from app.web.parameters import Values


async def page(_: web.Request, __: Values) -> web.StreamResponse:
    """Answer with the page."""
    return web.FileResponse(STATIC / "docs.html")
