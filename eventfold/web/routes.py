"""A route: its path, its parameters, what it answers; one description for all who need it.

The server mounts it, its parameters are read by it, and `/openapi.json` is written from it.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from eventfold.web.parameters import Parameter, Values, read_values

#: What answers a request, given the parameters that were read from it.
Answer = Callable[[web.Request, Values], Awaitable[web.StreamResponse]]

#: Where the paths of the API stand for programs: what is there keeps its shape.
VERSIONED = "/api/v1/"

#: What a question about a table may be answered with beside 200.
ASKING = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class Route:
    """One path of the API and what answers it.

    `returns` is the type of the JSON it answers with, None where that isn't JSON of ours;
    `statuses` are the other ones it may answer with.
    """

    path: str
    answer: Answer
    summary: str
    returns: Any = None
    media: str = "application/json"
    parameters: tuple[Parameter, ...] = ()
    statuses: tuple[HTTPStatus, ...] = ()
    #: Its name for clients; that of `answer`, after its module, if empty.
    operation: str = ""

    @property
    def name(self) -> str:
        """What the operation is called; two of one path are told apart by their version."""
        module = self.answer.__module__.rpartition(".")[2]
        name = self.operation or (
            self.answer.__name__
            if self.answer.__name__ == module
            else f"{module}_{self.answer.__name__}"
        )
        return f"{name}_v1" if self.path.startswith(VERSIONED) else name

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Read the parameters, then answer. Raises ApiError."""
        return await self.answer(request, read_values(request, self.parameters))


def versioned(routes: Iterable[Route]) -> list[Route]:
    """Give the routes, and each of `/api/...` once more at `/api/v1/...`."""
    routes = list(routes)
    api = [route for route in routes if route.path.startswith("/api/")]
    return routes + [
        replace(route, path=route.path.replace("/api/", VERSIONED, 1)) for route in api
    ]


def json_response(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Give an answer whose body is `value` as JSON."""
    return web.Response(
        body=_ENCODER.encode(value),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )
