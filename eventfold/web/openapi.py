"""`/openapi.json`: the description of the API, generated from its routes (OpenAPI 3.1)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from eventfold import __version__
from eventfold.web.errors import ErrorBody
from eventfold.web.parameters import Parameter, Values
from eventfold.web.routes import Route, json_response

#: The generated document.
DOCUMENT: web.AppKey[Mapping[str, Any]] = web.AppKey("DOCUMENT", dict)

_REFERENCE = "#/components/schemas/{name}"
_RETRY_AFTER = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}


async def show(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the OpenAPI document."""
    return json_response(request.app[DOCUMENT])


def document(title: str, routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of `routes`."""
    routes = list(routes)
    types = [route.returns for route in routes if route.returns is not None]
    schemas, components = msgspec.json.schema_components(
        [*types, ErrorBody], ref_template=_REFERENCE
    )
    error = schemas[-1]
    by_type = dict(zip(map(repr, types), schemas, strict=False))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": __version__,
            "description": "Queries of a stream's state: every worker answers for all of them. "
            "Times are milliseconds since the epoch, UTC.",
        },
        "paths": {
            route.path: {"get": _operation(route, by_type.get(repr(route.returns)), error)}
            for route in routes
        },
        "components": {"schemas": components},
    }


def _operation(route: Route, schema: Any, error: Any) -> dict[str, Any]:
    # Any path under /api/ refuses unknown parameters.
    bad = [HTTPStatus.BAD_REQUEST] if route.path.startswith("/api/") else []
    content = {route.media: {"schema": schema or {"type": "string"}}}
    return {
        "summary": route.summary,
        "operationId": route.name,
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": {
            "200": {"description": HTTPStatus.OK.phrase, "content": content},
            **{
                str(status.value): _failure(route, status, schema, error)
                for status in (*bad, *route.statuses)
            },
        },
    }


def _failure(route: Route, status: HTTPStatus, schema: Any, error: Any) -> dict[str, Any]:
    own_body = route.path == "/readyz"
    failure: dict[str, Any] = {
        "description": status.phrase,
        "content": {"application/json": {"schema": schema if own_body else error}},
    }
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        failure["headers"] = _RETRY_AFTER
    return failure


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = msgspec.json.schema(parameter.type)
    # Other defaults are parsed values (the ms of "5m"); the description has them in words.
    if parameter.default is not None and parameter.read is None:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    }
