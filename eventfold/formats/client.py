"""Client of an external schema registry, over its REST interface."""

from http import HTTPStatus

import aiohttp
import stamina
from yarl import URL

from eventfold.answers import describe_failure, read_answer
from eventfold.decoding import decode_json
from eventfold.formats.errors import RegistryError
from eventfold.security.urls import SecretUrl

#: Seconds for which a request that gets no answer is retried.
PATIENCE = 20.0


async def register(registry: SecretUrl, subject: str, text: str) -> int:
    """Register a schema unless it is registered; return its id.

    `user:password@` in the URL is sent as basic authentication. Raises RegistryError if the
    registry rejects the schema, or does not answer within `PATIENCE` seconds.
    """
    return await _asked(URL(registry.full) / "subjects" / subject / "versions", text)


async def find(registry: SecretUrl, subject: str, text: str) -> int:
    """Return the id of a registered schema. Raises RegistryError, also if it is not registered."""
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
