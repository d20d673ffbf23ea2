"""A route: its path, its parameters, what it answers; one description for all who need it.

The server mounts it, its parameters are read by it, and `/openapi.json` is written from it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from app.web.parameters import Parameter, Values, read_values

#: What answers a request, given the parameters that were read from it.
Answer = Callable[[web.Request, Values], Awaitable[web.StreamResponse]]

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

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Read the parameters, then answer. Raises ApiError."""
        return await self.answer(request, read_values(request, self.parameters))


def json_response(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Give an answer whose body is `value` as JSON."""
    return web.Response(
        body=_ENCODER.encode(value),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )
