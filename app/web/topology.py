"""`/api/topology`: the graph of what runs, as `faust -A app topology` draws it."""

from typing import Any

from aiohttp import web

from app.web.lookup import APP
from app.web.parameters import Values
from app.web.routes import json_response
from eventfold.topology import topology


async def graph(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the graph."""
    # Faust's type knows nothing of our tasks.
    worker: Any = request.app[APP]
    return json_response(topology(worker))
