"""HTTP responses, read up to a size limit because the server may not be a trusted one."""

from aiohttp import ClientPayloadError, ClientResponse, ClientResponseError, InvalidURL

#: Most bytes of a decompressed body; the largest page of windows that a query may ask for has 3 MB.
LIMIT = 32 << 20


async def read_answer(reply: ClientResponse) -> bytes:
    """Return the body of a response. Raises ClientPayloadError if it is larger than LIMIT.

    The body is read piece by piece, so at most LIMIT and one piece is in memory. aiohttp may
    decompress a little more into a piece than it was asked for.
    """
    body = bytearray()
    async for piece in reply.content.iter_any():
        body += piece
        if len(body) > LIMIT:
            raise ClientPayloadError(f"an answer of more than {LIMIT >> 20} MiB")
    return bytes(body)


def describe_failure(error: Exception) -> str:
    """Describe why a request failed, without the request's headers and URL that aiohttp adds."""
    if isinstance(error, ClientResponseError):
        return f"{error.status} {error.message}".strip()
    if isinstance(error, InvalidURL):
        return "its URL is invalid"
    return str(error) or type(error).__name__
