"""Shares of event loop time for readers, so that the rest is left for folding.

The cost of an answer is known only once it is made. So a client that has taken more than its share
waits until that is paid back, or gets a 503 if the wait is too long.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from aiohttp import web
from aiohttp.typedefs import Handler

from eventfold.web.errors import ApiError
from eventfold.web.protection.addresses import CONF, client_of
from eventfold.web.protection.rate import RESOLUTION, Measured, Rate
from eventfold.web.protection.refused import count_refusal
from eventfold.web.protection.signatures import SIGNED
from eventfold.web.query.peers import FORWARDED

T = TypeVar("T")

#: Shares of event loop time (fraction) of all readers together, and of one client. Live events have
#: a share of their own (eventfold/web/live/hub.py); each is less than a third.
SHARE, CLIENT_SHARE = 0.27, 0.2

#: Bursts of event loop time (s) after a pause, of all readers and of one client: the latter is
#: less, so that no other client waits for the debt of one.
BURST, CLIENT_BURST = 1.0, 0.3

#: Concurrent answers of all readers, and of one client. Other workers have as many slots of their
#: own and wait for no reader; otherwise two workers that query each other would deadlock.
AT_ONCE, CLIENT_AT_ONCE = 8, 2

#: Seconds that a request may wait for its turn.
PATIENCE = 3.0

#: Paths without a share: probes of orchestrators, and streams that are open for hours.
_EVENTS = {"/api/events", "/api/v1/events"}
_EXEMPT = {"/healthz", "/readyz", "/metrics"} | _EVENTS

#: Event loop time (s) that a request has been charged.
_CHARGED: web.RequestKey[float] = web.RequestKey("_CHARGED", float)

#: Event loop time (s) to read a request and write its answer, before and after its handling.
AROUND = 0.0003

_ALL = "all"


class Shares:
    """Shares of event loop time, of all readers together and of each client.

    `clock` is the time and `worked` the CPU time of the event loop's thread, both in seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._worked = worked
        # Amounts are seconds; the 1 lets the next request through if nothing is owed.
        self._all = Rate(SHARE, 1 + BURST, clock)
        self._clients = Rate(CLIENT_SHARE, 1 + CLIENT_BURST, clock)
        self._turns = {peer: asyncio.Semaphore(AT_ONCE) for peer in (False, True)}
        #: Client → its slots, while a request of it waits or runs.
        self._own_turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def measured(self, answer: Awaitable[T]) -> Measured[T]:
        """Wrap an answer so that its event loop time is measured."""
        return Measured(answer, self._worked)

    async def charged(
        self,
        request: web.Request,
        client: str,
        handle: Callable[[Any], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Answer a request, and charge its client for the time outside of its turn."""
        if request.path in _EVENTS or request.get(SIGNED) is not None:
            return await handle(request)
        if not _is_exempt(request):
            await asyncio.sleep(min(self._owed_by(client, peer=False), PATIENCE))
        measured = self.measured(handle(request))
        try:
            return await measured
        finally:
            outside = AROUND + measured.seconds - request.get(_CHARGED, 0.0)
            self._clients.spend(client, outside)

    async def run(self, client: str, answer: Awaitable[T], *, peer: bool = False) -> T:
        """Await an answer in its turn, and charge its client for it.

        With `peer`, that is another worker, the client is not charged. Raises ApiError (503) if
        the turn does not come within `PATIENCE` seconds.
        """
        measured = self.measured(answer)
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._take_turn(turn, client, peer=peer)
            except BaseException as error:
                measured.close()
                if isinstance(error, TimeoutError):
                    raise self._busy(client, peer=peer) from None
                raise
            try:
                return await measured
            finally:
                self._all.spend(_ALL, measured.seconds)
                if not peer:
                    self._clients.spend(client, measured.seconds)

    async def _take_turn(self, turn: AsyncExitStack, client: str, *, peer: bool) -> None:
        if not peer:
            # Before a common slot is taken, so that clients without debt do not wait as well.
            own = self._own_turns.setdefault(client, asyncio.Semaphore(CLIENT_AT_ONCE))
            await turn.enter_async_context(own)
            while owed := self._owed_by(client, peer=peer):  # noqa: ASYNC110  # it may grow
                await asyncio.sleep(owed)
        await turn.enter_async_context(self._turns[peer])
        await asyncio.sleep(self._owed())

    def _owed(self) -> float:
        return self._all.wait(_ALL)

    def _owed_by(self, client: str, *, peer: bool) -> float:
        owed = 0.0 if peer else self._clients.wait(client)
        return owed if owed > RESOLUTION else 0.0

    def _busy(self, client: str, *, peer: bool) -> ApiError:
        count_refusal("share")
        owed = max(self._owed(), self._owed_by(client, peer=peer))
        message = "readers have used up their share of this worker's time"
        headers = {"Retry-After": str(max(1, math.ceil(owed)))}
        return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message, headers)


SHARES: web.AppKey[Shares] = web.AppKey("SHARES", Shares)


@web.middleware
async def share_loop(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer within the share of the client and of all readers; some paths are exempt."""
    if _is_exempt(request):
        return await handler(request)
    client = client_of(request, request.app[CONF])
    shares, peer = request.app[SHARES], FORWARDED in request.headers
    answer = shares.measured(handler(request))
    try:
        return await shares.run(client, answer, peer=peer)
    finally:
        request[_CHARGED] = answer.seconds


def _is_exempt(request: web.Request) -> bool:
    return request.path in _EXEMPT or request.path.startswith("/static/")
