"""`/api/topology`: the running topology, as `faust -A app topology` draws it."""

from typing import Any

from aiohttp import web

from eventfold.topology import topology
from eventfold.web.lookup import APP
from eventfold.web.parameters import Values
from eventfold.web.routes import json_response


async def graph(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the graph of topics, agents and tables."""
    # Faust's type has no attribute for our tasks.
    worker: Any = request.app[APP]
    return json_response(topology(worker))
