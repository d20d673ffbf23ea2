"""Error responses: JSON `{"error": {"code", "message"}}` with a matching status."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import NoReturn

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

#: Reason why a partition is missing although its owner answers.
MOVING = "moving or not restored yet"

#: Seconds after which a client may retry while a partition is moving to another worker.
RETRY_AFTER = 2

_log = logging.getLogger(__name__)


class Missing(msgspec.Struct, frozen=True, order=True):
    """A partition that is not in an answer; `worker` is its owner's address, null if unknown."""

    table: str
    partition: int
    worker: str | None
    reason: str


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """Error of an answer: `code` for programs, `message` for people, `missing` partitions."""

    code: str
    message: str
    missing: list[Missing] = []


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every answer with a status of 400 or more."""

    error: Error


class ApiError(Exception):
    """Error response (status 400 or more), raised wherever the error is detected."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        missing: Sequence[Missing] = (),
    ) -> None:
        super().__init__(message)
        self.missing = list(missing)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def response(self) -> web.Response:
        """Return the response, its body an `ErrorBody`."""
        return web.Response(
            body=msgspec.json.encode(ErrorBody(Error(self.code, str(self), self.missing))),
            status=self.status,
            headers=self.headers,
            content_type="application/json",
            charset="utf-8",
        )


def bad_parameter(name: str, reason: object) -> NoReturn:
    """Raise ApiError (400) that names the parameter."""
    raise ApiError(HTTPStatus.BAD_REQUEST, "bad-parameter", f"{name}: {reason}")


def unknown(message: str) -> ApiError:
    """Return a 404 with this message."""
    return ApiError(HTTPStatus.NOT_FOUND, "unknown", message)


def unavailable(message: str, missing: Sequence[Missing] = ()) -> ApiError:
    """Return a 503 with `Retry-After` and the partitions that an answer would lack."""
    headers = {"Retry-After": str(RETRY_AFTER)}
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return ApiError(status, "unavailable", message, headers, missing)


@web.middleware
async def json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception but redirects into a JSON error; log unexpected tracebacks."""
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _from_aiohttp(request, error).response()
    except Exception:  # noqa: BLE001  # the client gets JSON for any error
        _log.exception("%s %s failed", request.method, request.rel_url)
        message = "this worker failed to answer; its log has the reason"
        return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", message).response()


def _from_aiohttp(request: web.Request, error: web.HTTPException) -> ApiError:
    status = HTTPStatus(error.status)
    if status is HTTPStatus.NOT_FOUND:
        return unknown(f"there is nothing at {request.path}; /openapi.json lists the paths")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{request.path} answers {allowed}, not {request.method}"
        return ApiError(status, "method-not-allowed", message, {"Allow": allowed})
    return ApiError(status, status.phrase.lower().replace(" ", "-"), status.description)
