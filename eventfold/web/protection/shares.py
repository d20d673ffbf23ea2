"""How much of the event loop readers may take: the rest is for folding, whatever they ask.

What an answer costs shows when it has been made. So who has taken more than a share waits until it
is made up for, and is asked to come again where that takes too long.
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
from eventfold.web.peers import FORWARDED
from eventfold.web.protection.addresses import client_of
from eventfold.web.protection.budget import Measured
from eventfold.web.protection.keys import CONF, SIGNED
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import note

T = TypeVar("T")

#: Of each second, what all readers together may take of the event loop, and what one client may.
#: Live events have a share of their own (eventfold/web/live/hub.py); each is less than a third.
SHARE, CLIENT_SHARE = 0.27, 0.2

#: Seconds of the event loop that they may take at once after a silence: one client less than all,
#: so that nobody waits for what it owes.
BURST, CLIENT_BURST = 1.0, 0.3

#: Answers that are made at once, of them those of one client; and as many for other workers: these
#: wait for no reader, or two workers that ask each other would wait for each other.
AT_ONCE, CLIENT_AT_ONCE = 8, 2

#: Seconds that a request may wait for its turn.
PATIENCE = 3.0

#: What is asked for in order to know whether the worker is alive, and what is open for hours.
_EVENTS = {"/api/events", "/api/v1/events"}
_EXEMPT = {"/healthz", "/readyz", "/metrics"} | _EVENTS

#: Seconds of the loop that a request has been charged.
_CHARGED: web.RequestKey[float] = web.RequestKey("_CHARGED", float)

#: Seconds that a request takes of the loop before it is handled and after, to be read and written.
AROUND = 0.0003

#: Seconds that are not worth waiting for.
RESOLUTION = 0.001

_ALL = "all"


class Shares:
    """Lets readers take their shares of the event loop's time; clocks are in seconds."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._worked = worked
        # Units are seconds; a bucket that owes nothing lets the next one through.
        self._all = Rate(SHARE, 1 + BURST, clock)
        self._clients = Rate(CLIENT_SHARE, 1 + CLIENT_BURST, clock)
        self._turns = {peer: asyncio.Semaphore(AT_ONCE) for peer in (False, True)}
        #: Those of clients that are waited for.
        self._own_turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def measured(self, answer: Awaitable[T]) -> Measured[T]:
        """Give an answer that knows what it has taken of the loop."""
        return Measured(answer, self._worked)

    async def charged(
        self,
        request: web.Request,
        client: str,
        handle: Callable[[Any], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Answer a request, and charge its client what that took outside of its turn.

        Whoever is refused takes no turn: what finding that out has cost is waited for here.
        """
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
        """Make an answer in its turn, and charge its client. Raises ApiError (503) in time."""
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
            # Not in a turn of all: whoever owes nothing would wait for it, too.
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
        # What floats leave over is nothing to wait for.
        return owed if owed > RESOLUTION else 0.0

    def _busy(self, client: str, *, peer: bool) -> ApiError:
        note("share")
        owed = max(self._owed(), self._owed_by(client, peer=peer))
        message = "readers have taken their share of this worker's time"
        headers = {"Retry-After": str(max(1, math.ceil(owed)))}
        return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message, headers)


SHARES: web.AppKey[Shares] = web.AppKey("SHARES", Shares)


@web.middleware
async def share_loop(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer within the shares of readers."""
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
