"""`/openapi.json` against what the worker does."""

import re
from collections import defaultdict

from app.worker import TickApp
from eventfold.web.api import ROUTES
from eventfold.web.routes import versioned


async def test_every_route_is_described_and_answers(worker, http) -> None:
    """Each path is there, and answers with a status and a type that the document lists."""
    async with http.get(f"{worker.url}/openapi.json") as reply:
        document = await reply.json()
    assert set(document["paths"]) == {route.path for route in versioned((*ROUTES, *TickApp.routes))}
    known = {"symbol": "AAA", "name": "candles", "table": "candles", "key": "AAA"}
    named = defaultdict(lambda: "AAA", known)
    for path, operations in document["paths"].items():
        async with http.get(worker.url + path.format_map(named)) as reply:
            described = operations["get"]["responses"][str(reply.status)]
            assert reply.content_type in described["content"]


async def test_every_schema_reference_resolves(worker, http) -> None:
    """The records are described once, under components."""
    async with http.get(f"{worker.url}/openapi.json") as reply:
        text = await reply.text()
        document = await reply.json()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert {"Candle", "TopGainers", "Gainer", "ErrorBody"} <= names
    assert names <= set(document["components"]["schemas"])


async def test_described_parameters_are_those_accepted(worker, http) -> None:
    """The API accepts the described parameters, and rejects all others."""
    async with http.get(f"{worker.url}/openapi.json") as reply:
        operation = (await reply.json())["paths"]["/api/candles/{symbol}"]["get"]
    names = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
    assert names == {
        *("size", "advance", "points", "from", "to", "start", "limit", "stale"),
    }
    responses = operation["responses"]
    assert {"200", "400", "404", "503"} <= set(responses)
    assert "Retry-After" in responses["503"]["headers"]
