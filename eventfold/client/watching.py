"""Live results: records of topics as they are committed, through any worker."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx2
import stamina

from eventfold.client.asking import BusyError, ClientError, Workers, error_of, waits
from eventfold.client.frames import timed
from eventfold.decoding import json_decoder

log = logging.getLogger(__name__)

#: Seconds to connect, and without a beat, of which there is one every 5 s: the worker is frozen.
TIMEOUT = httpx2.Timeout(15.0, connect=5.0)

#: Longest wait (s) for the next attempt to connect, and the wait after a connection that ended.
LONGEST_WAIT, PAUSE = 10.0, 1.0

_decode: Callable[[str], Any] = json_decoder(Any)


@dataclass(frozen=True, slots=True)
class Update:
    """A record of a topic: a new result, or a later revision of one; its times are datetimes."""

    topic: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gap:
    """Marker: updates were left out, `dropped` of them (None: unknown). `read` has the results."""

    dropped: int | None


class Watch:
    """Updates from now on, in `for` or in `async for`, until the loop is left.

    A connection that breaks is opened again, at the next address if there are several, and
    continues after the last update, each of which is there once. Where that is impossible there
    is a `Gap`. Raises ClientError if no worker answers at the start, or one rejects the watch.
    """

    def __init__(self, workers: Workers, query: Mapping[str, str]) -> None:
        self._workers = workers
        self._query = dict(query)

    def __iter__(self) -> Iterator[Update | Gap]:
        """Yield each update, and each gap between them."""
        position = _Position()
        with httpx2.Client(**self._workers.options) as http:
            while True:
                with ExitStack() as stack:
                    for attempt in self._attempts():
                        with attempt:
                            source = self._open(http, stack, position)
                    yield from position.begin()
                    try:
                        for event in source:
                            yield from position.take(event)
                    except httpx2.TransportError as error:
                        log.info("the stream of events broke: %r", error)
                self._workers.turn()
                time.sleep(PAUSE)

    def _open(
        self, http: httpx2.Client, stack: ExitStack, position: "_Position"
    ) -> httpx2.EventSource:
        try:
            source = stack.enter_context(http.sse(self._url, **self._request(position)))
            if source.response.status_code != HTTPStatus.OK:
                source.response.read()
        except httpx2.TransportError as error:
            raise self._unreachable(position) from error
        return self._accept(source)

    async def __aiter__(self) -> AsyncIterator[Update | Gap]:
        """Yield the same without blocking the event loop."""
        position = _Position()
        async with httpx2.AsyncClient(**self._workers.options) as http:
            while True:
                async with AsyncExitStack() as stack:
                    async for attempt in self._attempts():
                        with attempt:
                            source = await self._open_async(http, stack, position)
                    for item in position.begin():
                        yield item
                    try:
                        async for event in source:
                            for item in position.take(event):
                                yield item
                    except httpx2.TransportError as error:
                        log.info("the stream of events broke: %r", error)
                self._workers.turn()
                await asyncio.sleep(PAUSE)

    async def _open_async(
        self, http: httpx2.AsyncClient, stack: AsyncExitStack, position: "_Position"
    ) -> httpx2.EventSource:
        try:
            source = await stack.enter_async_context(http.sse(self._url, **self._request(position)))
            if source.response.status_code != HTTPStatus.OK:
                await source.response.aread()
        except httpx2.TransportError as error:
            raise self._unreachable(position) from error
        return self._accept(source)

    @property
    def _url(self) -> httpx2.URL:
        return self._workers.url.join("api/events")

    def _request(self, position: "_Position") -> dict[str, Any]:
        headers = {"Last-Event-ID": position.last_id} if position.last_id else {}
        return {"params": self._query, "headers": headers, "timeout": TIMEOUT}

    def _attempts(self) -> Any:
        return stamina.retry_context(
            on=waits, attempts=None, timeout=None, wait_initial=0.2, wait_max=LONGEST_WAIT
        )

    def _unreachable(self, position: "_Position") -> ClientError:
        """Return the error of an address that does not answer; at the start each is tried once."""
        self._workers.turn()
        position.failures += 1
        if position.started or position.failures < self._workers.number:
            return BusyError(str(self._workers.absent()), None)
        return self._workers.absent()

    def _accept(self, source: httpx2.EventSource) -> httpx2.EventSource:
        if source.response.status_code != HTTPStatus.OK:
            raise error_of(source.response)
        return source


class _Position:
    """Position of a reader. It holds updates back until the id that covers them has come.

    Without their id they would come again after a connection that breaks in between.
    """

    def __init__(self) -> None:
        self.last_id = ""
        self.started = False
        #: Number of addresses that did not answer before the first one did.
        self.failures = 0
        self._held: list[Update | Gap] = []
        self._seen = ""

    def begin(self) -> list[Update | Gap]:
        """Begin with a new connection; return the gap before it, if the last one left no id."""
        missed = self.started and not self.last_id
        self.started, self._held, self._seen = True, [], ""
        return [Gap(None)] if missed else []

    def take(self, event: httpx2.ServerSentEvent) -> list[Update | Gap]:
        """Take an event; return what is complete with it."""
        if not event.data:
            return []
        if event.event == "gap":
            self._held.append(Gap(_decode(event.data)["dropped"]))
        elif event.event not in {"start", "beat"}:
            self._held.append(Update(event.event, timed(_decode(event.data))))
        # The parser repeats the last id with each event that has none. A beat ends a turn, too.
        if event.id == self._seen and event.event != "beat":
            return []
        complete, self._held = self._held, []
        self._seen = event.id
        self.last_id = event.id or self.last_id
        return complete
