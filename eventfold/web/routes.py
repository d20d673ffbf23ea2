"""Routes of the API: path, parameters and return type, described once.

The server mounts a route, parses parameters by it, and generates `/openapi.json` from it.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from eventfold.web.parameters import Parameter, Values, read_values

#: Handler of a request and its parsed parameters.
Answer = Callable[[web.Request, Values], Awaitable[web.StreamResponse]]

#: Prefix of the versioned API, whose answers keep their shape.
VERSIONED = "/api/v1/"

#: Statuses other than 200 and 400 of a query about a table.
ASKING = (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class Route:
    """One path of the API and its handler.

    `returns` is the type of the JSON answer, None if the answer is not JSON of ours; `statuses` are
    the possible statuses other than 200, and other than 400 of a path under `/api/`.
    """

    path: str
    answer: Answer
    summary: str
    returns: Any = None
    media: str = "application/json"
    parameters: tuple[Parameter, ...] = ()
    statuses: tuple[HTTPStatus, ...] = ()
    #: Operation id in the OpenAPI document; by default that of `answer`, after its module.
    operation: str = ""

    @property
    def name(self) -> str:
        """Operation id; that of a versioned path ends in `_v1`."""
        module = self.answer.__module__.rpartition(".")[2]
        name = self.operation or (
            self.answer.__name__
            if self.answer.__name__ == module
            else f"{module}_{self.answer.__name__}"
        )
        return f"{name}_v1" if self.path.startswith(VERSIONED) else name

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Parse the parameters and answer the request. Raises ApiError."""
        return await self.answer(request, read_values(request, self.parameters))


def versioned(routes: Iterable[Route]) -> list[Route]:
    """Return the routes, and each route of `/api/...` once more at `/api/v1/...`."""
    routes = list(routes)
    api = [route for route in routes if route.path.startswith("/api/")]
    return routes + [
        replace(route, path=route.path.replace("/api/", VERSIONED, 1)) for route in api
    ]


def json_response(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return a response whose body is `value` as JSON."""
    return web.Response(
        body=_ENCODER.encode(value),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )
