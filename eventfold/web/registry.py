"""`/registry/...`: the REST interface of a schema registry for Confluent's clients.

A sub-application of the server: answers and errors have the registry's format, not ours.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from eventfold.decoding import decode_json
from eventfold.digits import read_digits
from eventfold.formats.errors import RegistryError, invalid_schema, no_schema
from eventfold.formats.registry import Registry
from eventfold.records.schemas import SchemaVersion

MEDIA = "application/vnd.schemaregistry.v1+json"
_OWNER: web.AppKey[Any] = web.AppKey("owner", object)

#: Answers that need no registry.
_CONSTANTS: dict[str, Any] = {
    "/": {},  # by which clients recognise a registry
    "/mode": {"mode": "READWRITE"},
    "/schemas/types": ["AVRO"],
}

#: Handler of a request to a registry; its result is the JSON of the answer, or the answer itself.
Answer = Callable[[Registry, web.Request], Awaitable[Any]]

_routes = web.RouteTableDef()


def registry_application(owner: Any) -> web.Application:
    """Return the application to mount at `/registry`; `owner.registry` is the registry or None."""
    application = web.Application(middlewares=[_errors])
    application[_OWNER] = owner
    application.add_routes(_routes)
    for path, value in _CONSTANTS.items():
        application.router.add_get(path, _constant(value))
    return application


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RegistryError as error:
        return _json({"error_code": error.code, "message": str(error)}, error.status)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        message = f"HTTP {error.status} {error.reason}"
        return _json({"error_code": error.status, "message": message}, error.status)


def _json(value: Any, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type=MEDIA)


def _registry(request: web.Request) -> Registry:
    owner = request.app[_OWNER]
    found = owner.registry
    if found is None:
        name = owner.settings.variable("schema_registry")
        message = (
            f"this worker has no registry: {name} names another one, or nothing that it runs "
            "writes Avro"
        )
        raise RegistryError(HTTPStatus.NOT_FOUND, 404, message)
    registry: Registry = found
    return registry


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        return decode_json(await request.read(), dict[str, Any])
    except msgspec.MsgspecError as error:
        raise RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 422, str(error)) from error


async def _schema(request: web.Request) -> str:
    """Return the text of the schema in a request's body.

    Raises RegistryError unless it is an Avro schema without references to others.
    """
    body = await _body(request)
    kind, text = body.get("schemaType") or "AVRO", body.get("schema")
    if kind != "AVRO":
        raise invalid_schema(f"only AVRO is supported, not {kind}")
    if body.get("references"):
        raise invalid_schema("references to other schemas are not supported")
    if not isinstance(text, str) or not text:
        raise invalid_schema("it is missing")
    return text


def _subject(request: web.Request) -> str:
    return request.match_info.get("subject", "")


def _id(request: web.Request) -> int:
    number = read_digits(request.match_info["id"])
    if number is None:
        raise no_schema()
    return number


def _entry(found: SchemaVersion) -> dict[str, Any]:
    return {
        "subject": found.subject,
        "version": found.version,
        "id": found.id,
        "schema": found.schema,
    }


def _constant(value: Any) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return _json(value)

    return handle


def _text(schema: str) -> web.Response:
    """Return the text of a schema without an envelope."""
    return web.Response(text=schema, content_type=MEDIA)


def _route(method: str, *paths: str) -> Callable[[Answer], Answer]:
    """Register the decorated function as the handler of `paths`."""

    def add(answer: Answer) -> Answer:
        async def handle(request: web.Request) -> web.StreamResponse:
            found = await answer(_registry(request), request)
            return found if isinstance(found, web.Response) else _json(found)

        for path in paths:
            _routes.route(method, path)(handle)
        return answer

    return add


@_route("GET", "/schemas/ids/{id}")
async def _schema_of_id(registry: Registry, request: web.Request) -> Any:
    return {"schema": await registry.schema(_id(request))}


@_route("GET", "/schemas/ids/{id}/schema")
async def _text_of_id(registry: Registry, request: web.Request) -> Any:
    return _text(await registry.schema(_id(request)))


@_route("GET", "/schemas/ids/{id}/versions")
async def _versions_of_id(registry: Registry, request: web.Request) -> Any:
    found = await registry.uses(_id(request))
    return [{"subject": each.subject, "version": each.version} for each in found]


@_route("GET", "/schemas/ids/{id}/subjects")
async def _subjects_of_id(registry: Registry, request: web.Request) -> Any:
    return sorted({each.subject for each in await registry.uses(_id(request))})


@_route("GET", "/subjects")
async def _subjects(registry: Registry, _: web.Request) -> Any:
    return await registry.subjects()


@_route("POST", "/subjects/{subject}")
async def _find(registry: Registry, request: web.Request) -> Any:
    text = await _schema(request)
    return _entry(await registry.find(_subject(request), text))


@_route("DELETE", "/subjects/{subject}")
async def _delete(registry: Registry, request: web.Request) -> Any:
    _refuse_hard_deletion(request)
    return await registry.delete(_subject(request))


@_route("GET", "/subjects/{subject}/versions")
async def _versions(registry: Registry, request: web.Request) -> Any:
    return [each.version for each in await registry.versions(_subject(request))]


@_route("POST", "/subjects/{subject}/versions")
async def _register(registry: Registry, request: web.Request) -> Any:
    text = await _schema(request)
    return _entry(await registry.register(_subject(request), text))


@_route("GET", "/subjects/{subject}/versions/{version}")
async def _version(registry: Registry, request: web.Request) -> Any:
    return _entry(await registry.version(_subject(request), request.match_info["version"]))


@_route("GET", "/subjects/{subject}/versions/{version}/schema")
async def _text_of_version(registry: Registry, request: web.Request) -> Any:
    found = await registry.version(_subject(request), request.match_info["version"])
    return _text(found.schema)


@_route("DELETE", "/subjects/{subject}/versions/{version}")
async def _delete_version(registry: Registry, request: web.Request) -> Any:
    _refuse_hard_deletion(request)
    (number,) = await registry.delete(_subject(request), request.match_info["version"])
    return number


def _refuse_hard_deletion(request: web.Request) -> None:
    if request.query.get("permanent") == "true":
        message = "schemas are not deleted permanently: records may still carry the id"
        raise RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 422, message)


_COMPATIBILITY = "/compatibility/subjects/{subject}/versions"


@_route("POST", _COMPATIBILITY, f"{_COMPATIBILITY}/{{version}}")
async def _compatibility(registry: Registry, request: web.Request) -> Any:
    """Compare with one version, or with those that the subject's level names."""
    text, number = await _schema(request), request.match_info.get("version")
    reasons = await registry.compatibility(_subject(request), text, number)
    answer: dict[str, Any] = {"is_compatible": not reasons}
    if request.query.get("verbose") == "true":
        answer["messages"] = reasons
    return answer


# Without a subject these are about the global compatibility level.


@_route("GET", "/config", "/config/{subject}")
async def _level(registry: Registry, request: web.Request) -> Any:
    default = request.query.get("defaultToGlobal") == "true"
    return {"compatibilityLevel": await registry.level(_subject(request), default=default)}


@_route("PUT", "/config", "/config/{subject}")
async def _set_level(registry: Registry, request: web.Request) -> Any:
    given = (await _body(request)).get("compatibility")
    return {"compatibility": await registry.set_level(_subject(request), given)}


@_route("DELETE", "/config/{subject}")
async def _forget_level(registry: Registry, request: web.Request) -> Any:
    return {"compatibilityLevel": await registry.forget_level(_subject(request))}
