"""A reader of server-sent events, as a program would write one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import ClientResponse, ClientSession, ClientTimeout


class ServerEvent(NamedTuple):
    """One event: its name, its data read as JSON, the last id so far."""

    name: str
    data: Any
    last_id: str


class Stream:
    """The events of a response, one after the other."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.last_id = ""

    async def next(self, *names: str, seconds: float = 30) -> ServerEvent:
        """Return the next event, or the next of these names. Raises EOFError at the end."""
        async with asyncio.timeout(seconds):
            while True:
                event = await self._next()
                if event.name in names or not names:
                    return event

    async def _next(self) -> ServerEvent:
        name = data = ""
        while line := (await self.response.content.readline()).decode():
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data = value
            elif field == "id":
                self.last_id = value
            elif not field and name:
                return ServerEvent(name, json.loads(data), self.last_id)
        raise EOFError


@asynccontextmanager
async def events(
    http: ClientSession, worker: str, watch: str, last_id: str = ""
) -> AsyncIterator[Stream]:
    """Open the events of a worker; all events from now on follow."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with http.get(
        f"{worker}/api/events",
        params={"watch": watch},
        headers=headers,
        timeout=ClientTimeout(total=None),
    ) as response:
        assert response.status == 200, await response.text()
        yield Stream(response)
