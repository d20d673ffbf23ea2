"""Answers over HTTP, read as far as they may reach: who answers is not always whom we know."""

from aiohttp import ClientPayloadError, ClientResponse, ClientResponseError

#: Bytes of one, decompressed: an answer with the most windows that may be asked for has 3 MB.
LIMIT = 32 << 20


async def read_answer(reply: ClientResponse) -> bytes:
    """Return the body of an answer. Raises ClientPayloadError where it is larger than LIMIT.

    aiohttp decompresses a little more than it is asked for at once, so no more than that is held.
    """
    body = bytearray()
    async for piece in reply.content.iter_any():
        body += piece
        if len(body) > LIMIT:
            raise ClientPayloadError(f"an answer of more than {LIMIT >> 20} MiB")
    return bytes(body)


def describe_failure(error: Exception) -> str:
    """Describe why nobody answers, without what aiohttp says of the request: headers, the URL."""
    if isinstance(error, ClientResponseError):
        return f"{error.status} {error.message}".strip()
    return str(error) or type(error).__name__
