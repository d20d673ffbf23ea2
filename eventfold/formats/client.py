"""Registers or finds a schema in somebody else's registry, over its REST interface."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
import stamina
from yarl import URL

from eventfold.answers import describe_failure, read_answer
from eventfold.decoding import decode_json
from eventfold.formats.errors import RegistryError
from eventfold.security.urls import SecretUrl

#: Seconds for which a registry that does not answer is asked again.
PATIENCE = 20.0


async def register(registry: SecretUrl, subject: str, text: str) -> int:
    """Give the id of a schema, registered if it was not. `user:password@` is basic auth.

    Raises RegistryError where the registry refuses it, or does not answer for long.
    """
    return await _asked(URL(registry.full) / "subjects" / subject / "versions", text)


async def find(registry: SecretUrl, subject: str, text: str) -> int:
    """Give the id of a schema that is registered. Raises RegistryError as `register` does."""
    return await _asked(URL(registry.full) / "subjects" / subject, text)


async def _asked(url: URL, text: str) -> int:
    try:
        return await _post(url, text)
    except (aiohttp.ClientError, TimeoutError) as error:
        message = f"the registry does not answer: {describe_failure(error)}"
        raise RegistryError(HTTPStatus.SERVICE_UNAVAILABLE, 50001, message) from error


@stamina.retry(
    on=(aiohttp.ClientError, TimeoutError), attempts=None, timeout=PATIENCE, wait_max=2.0
)
async def _post(url: URL, schema: str) -> int:
    timeout = aiohttp.ClientTimeout(total=PATIENCE / 2)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, json={"schema": schema, "schemaType": "AVRO"}) as reply,
    ):
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reply.raise_for_status()
        text = (await read_answer(reply)).decode(errors="replace")
    try:
        answer = decode_json(text)
    except ValueError:
        answer = text[:200]
    if not reply.ok or not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
        raise _refusal(reply.status, answer)
    return int(answer["id"])


def _refusal(status: int, answer: object) -> RegistryError:
    said = answer if isinstance(answer, dict) else {}
    code, message = said.get("error_code", status), said.get("message", repr(answer))
    return RegistryError(
        HTTPStatus(status), code if isinstance(code, int) else status, str(message)
    )
