"""`/registry/...`: the REST interface of a schema registry for Confluent's clients.

A sub-application of the server: answers and errors have the registry's format, not ours.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from eventfold.decoding import decode_json
from eventfold.digits import read_digits
from eventfold.formats.errors import RegistryError, invalid_schema, no_schema
from eventfold.settings import variable

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from eventfold.formats.registry import Registry
    from eventfold.records.schemas import SchemaVersion

MEDIA = "application/vnd.schemaregistry.v1+json"
_OWNER: web.AppKey[Any] = web.AppKey("owner", object)

routes = web.RouteTableDef()


def registry_application(owner: Any) -> web.Application:
    """Return the application to mount at `/registry`; `owner.registry` is the registry or None."""
    application = web.Application(middlewares=[_errors])
    application[_OWNER] = owner
    application.add_routes(routes)
    return application


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RegistryError as error:
        return _answer({"error_code": error.code, "message": str(error)}, error.status)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        message = f"HTTP {error.status} {error.reason}"
        return _answer({"error_code": error.status, "message": message}, error.status)


def _answer(value: Any, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type=MEDIA)


def _registry(request: web.Request) -> Registry:
    found = request.app[_OWNER].registry
    if found is None:
        message = (
            f"this worker has no registry: {variable('schema_registry')} names another one, or "
            "nothing that it runs writes Avro"
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
        raise invalid_schema(f"only AVRO is kept here, not {kind}")
    if body.get("references"):
        raise invalid_schema("references to other schemas are not kept here")
    if not isinstance(text, str) or not text:
        raise invalid_schema("there is none")
    return text


def _subject(request: web.Request) -> str:
    return request.match_info["subject"]


def _id(request: web.Request) -> int:
    number = read_digits(request.match_info["id"])
    if number is None:
        raise no_schema()
    return number


def _full(found: SchemaVersion) -> dict[str, Any]:
    return {
        "subject": found.subject,
        "version": found.version,
        "id": found.id,
        "schema": found.schema,
    }


@routes.get("/")
async def root(_: web.Request) -> web.Response:
    """Answer with an empty object, by which clients recognise a registry."""
    return _answer({})


@routes.get("/mode")
async def mode(_: web.Request) -> web.Response:
    """Answer that the registry is always readable and writable."""
    return _answer({"mode": "READWRITE"})


@routes.get("/schemas/types")
async def types(_: web.Request) -> web.Response:
    """Answer with the supported schema types, Avro alone."""
    return _answer(["AVRO"])


@routes.get("/schemas/ids/{id}")
async def schema(request: web.Request) -> web.Response:
    """Answer with the schema of an id."""
    return _answer({"schema": await _registry(request).schema(_id(request))})


@routes.get("/schemas/ids/{id}/schema")
async def schema_text(request: web.Request) -> web.Response:
    """Answer with the schema of an id as plain text, without an envelope."""
    text = await _registry(request).schema(_id(request))
    return web.Response(text=text, content_type=MEDIA)


@routes.get("/schemas/ids/{id}/versions")
async def schema_versions(request: web.Request) -> web.Response:
    """Answer with the subjects and versions that use an id."""
    found = await _registry(request).uses(_id(request))
    return _answer([{"subject": each.subject, "version": each.version} for each in found])


@routes.get("/schemas/ids/{id}/subjects")
async def schema_subjects(request: web.Request) -> web.Response:
    """Answer with the names of the subjects that use an id."""
    found = await _registry(request).uses(_id(request))
    return _answer(sorted({each.subject for each in found}))


@routes.get("/subjects")
async def subjects(request: web.Request) -> web.Response:
    """Answer with the names of all subjects."""
    return _answer(await _registry(request).subjects())


@routes.post("/subjects/{subject}")
async def find(request: web.Request) -> web.Response:
    """Answer with the version of a subject that has the schema in the body."""
    text = await _schema(request)
    return _answer(_full(await _registry(request).find(_subject(request), text)))


@routes.delete("/subjects/{subject}")
async def delete(request: web.Request) -> web.Response:
    """Delete a subject (soft delete); the ids of its schemas stay valid."""
    _no_hard_deletion(request)
    return _answer(await _registry(request).delete(_subject(request)))


@routes.get("/subjects/{subject}/versions")
async def versions(request: web.Request) -> web.Response:
    """Answer with the version numbers of a subject."""
    found = await _registry(request).versions(_subject(request))
    return _answer([each.version for each in found])


@routes.post("/subjects/{subject}/versions")
async def register(request: web.Request) -> web.Response:
    """Register a schema under a subject; answer with its version, new or existing."""
    text = await _schema(request)
    return _answer(_full(await _registry(request).register(_subject(request), text)))


@routes.get("/subjects/{subject}/versions/{version}")
async def version(request: web.Request) -> web.Response:
    """Answer with a version of a subject, by its number or `latest`."""
    number = request.match_info["version"]
    return _answer(_full(await _registry(request).version(_subject(request), number)))


@routes.get("/subjects/{subject}/versions/{version}/schema")
async def version_text(request: web.Request) -> web.Response:
    """Answer with the schema of a version as plain text, without an envelope."""
    number = request.match_info["version"]
    found = await _registry(request).version(_subject(request), number)
    return web.Response(text=found.schema, content_type=MEDIA)


@routes.delete("/subjects/{subject}/versions/{version}")
async def delete_version(request: web.Request) -> web.Response:
    """Delete a version (soft delete); the id of its schema stays valid."""
    _no_hard_deletion(request)
    number = request.match_info["version"]
    (gone,) = await _registry(request).delete(_subject(request), number)
    return _answer(gone)


def _no_hard_deletion(request: web.Request) -> None:
    if request.query.get("permanent") == "true":
        message = "nothing is deleted for good here: records may still carry the id"
        raise RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 422, message)


@routes.post("/compatibility/subjects/{subject}/versions")
async def compatibility(request: web.Request) -> web.Response:
    """Answer whether a schema is compatible with the versions that the subject's level names."""
    return await _compatibility(request, None)


@routes.post("/compatibility/subjects/{subject}/versions/{version}")
async def compatibility_with(request: web.Request) -> web.Response:
    """Answer whether a schema is compatible with one version."""
    return await _compatibility(request, request.match_info["version"])


async def _compatibility(request: web.Request, number: str | None) -> web.Response:
    text = await _schema(request)
    reasons = await _registry(request).compatibility(_subject(request), text, number)
    answer: dict[str, Any] = {"is_compatible": not reasons}
    if request.query.get("verbose") == "true":
        answer["messages"] = reasons
    return _answer(answer)


@routes.get("/config")
@routes.get("/config/{subject}")
async def level(request: web.Request) -> web.Response:
    """Answer with the compatibility level of a subject, or the global level."""
    default = request.query.get("defaultToGlobal") == "true"
    found = await _registry(request).level(request.match_info.get("subject", ""), default=default)
    return _answer({"compatibilityLevel": found})


@routes.put("/config")
@routes.put("/config/{subject}")
async def set_level(request: web.Request) -> web.Response:
    """Set the compatibility level of a subject, or the global level."""
    given = (await _body(request)).get("compatibility")
    subject = request.match_info.get("subject", "")
    return _answer({"compatibility": await _registry(request).set_level(subject, given)})


@routes.delete("/config/{subject}")
async def forget_level(request: web.Request) -> web.Response:
    """Remove a subject's own compatibility level, so that the global level applies."""
    gone = await _registry(request).forget_level(_subject(request))
    return _answer({"compatibilityLevel": gone})
