"""Rate limits of clients, and budgets of event loop time made of them.

A rate limit is a token bucket for each client, filled at a steady rate. A bucket is one number, the
time at which it is full again (GCRA, ITU-T I.371).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

#: Maximum number of buckets; the least recently used one is dropped.
CLIENTS = 10_000


#: Debts (s) that are too small to wait for, such as rounding errors.
RESOLUTION = 0.001

_ALL = "all"


class Rate:
    """`rate` requests/s for each client, with bursts of `burst`; `clock` returns seconds."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = 1 / rate
        self._room = (burst - 1) / rate
        self._clock = clock
        #: Client → time when its bucket is full, the most recently used at the end.
        self._full: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one token from the client's bucket; return the seconds until there is one, or 0."""
        wait = self.wait(client)
        if not wait:
            self.spend(client, 1)
        return wait

    def spend(self, client: str, amount: float) -> None:
        """Take `amount` tokens from the client's bucket, which may then owe some."""
        full = max(self._full.get(client, 0.0), self._clock())
        self._full[client] = full + amount * self._interval
        self._full.move_to_end(client)
        if len(self._full) > CLIENTS:
            self._full.popitem(last=False)

    def wait(self, client: str) -> float:
        """Return the seconds until the client has a token; 0 if it has one now."""
        return max(0.0, self._full.get(client, 0.0) - self._clock() - self._room)


class Budget:
    """Share of the event loop's time: who takes part of it waits in turn, until nothing is owed.

    `share` is the fraction of each second for all clients together, `client_share` for one of
    them, so that many readers at one address delay nobody else. `burst` is how many seconds may be
    taken at once after a pause. Clocks are in seconds.
    """

    def __init__(
        self,
        share: float,
        burst: float,
        client_share: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        # Units are seconds; a bucket that owes nothing lets the next one through.
        self._all = Rate(share, 1 + burst, clock)
        self._clients = Rate(client_share or share, 1 + burst, clock)
        self._worked = worked
        #: Turns of the clients that are waited for.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, client: str = _ALL) -> AsyncIterator[None]:
        """Wait for the client's turn; charge the work in it, in which nothing may be awaited."""
        # One at a time: if all that wait were let through at once, what they owe would have grown
        # by the work of all before the first was charged.
        turn = self._turns.setdefault(client, asyncio.Lock())
        async with turn:
            await asyncio.sleep(0)
            while owed := self._owed(client):  # noqa: ASYNC110  # others may add to it meanwhile
                await asyncio.sleep(owed)
            with self.charging(client):
                yield

    @contextmanager
    def charging(self, client: str = _ALL) -> Iterator[None]:
        """Charge work out of turn, in which nothing may be awaited."""
        begun = self._worked()
        try:
            yield
        finally:
            self._spend(client, self._worked() - begun)

    async def run(self, awaitable: Awaitable[T], client: str = _ALL) -> T:
        """Await something out of turn, and charge the event loop time of its own steps."""
        measured = Measured(awaitable, self._worked)
        try:
            return await measured
        finally:
            self._spend(client, measured.seconds)

    def _owed(self, client: str) -> float:
        owed = max(self._all.wait(_ALL), self._clients.wait(client))
        return owed if owed > RESOLUTION else 0.0

    def _spend(self, client: str, seconds: float) -> None:
        self._all.spend(_ALL, seconds)
        self._clients.spend(client, seconds)


class Measured(Generic[T]):
    """Awaitable that measures the time of its own steps, without its waits, in `seconds`."""

    def __init__(self, awaitable: Awaitable[T], worked: Callable[[], float]) -> None:
        self._awaitable = awaitable
        self._worked = worked
        self.seconds = 0.0

    def __await__(self) -> Generator[Any, Any, T]:
        steps: Any = self._awaitable.__await__()
        go_on, value = steps.send, None
        while True:
            begun = self._worked()
            try:
                waits_for = go_on(value)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self.seconds += self._worked() - begun
            try:
                go_on, value = steps.send, (yield waits_for)
            except BaseException as error:  # noqa: BLE001  # it is for the awaitable to handle
                go_on, value = steps.throw, error

    def close(self) -> None:
        """Close the wrapped coroutine, which is not to be awaited."""
        close = getattr(self._awaitable, "close", None)
        if close is not None:
            close()
