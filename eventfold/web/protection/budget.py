"""Budget of event loop time for work that could otherwise take all of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from eventfold.web.protection.rate import Rate

T = TypeVar("T")

_ALL = "all"


class Budget:
    """Share of event loop time: work that has taken more waits until it is paid back.

    `share` is a fraction of each second, `burst` the seconds that may be taken at once after a
    pause. `clock` is the time, `worked` the CPU time of the event loop's thread, both in seconds.
    """

    def __init__(
        self,
        share: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        # Amounts are seconds; the 1 lets the next piece of work through if nothing is owed.
        self._rate = Rate(share, 1 + burst, clock)
        self._worked = worked

    async def afford(self) -> None:
        """Wait until nothing is owed; yield to the event loop in any case."""
        await asyncio.sleep(self._rate.wait(_ALL))

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Charge the body of a `with` statement, which must not await anything."""
        begun = self._worked()
        try:
            yield
        finally:
            self._rate.spend(_ALL, self._worked() - begun)

    async def run(self, awaitable: Awaitable[T]) -> T:
        """Await something, and charge the time of its own steps without its waits."""
        measured = Measured(awaitable, self._worked)
        try:
            return await measured
        finally:
            self._rate.spend(_ALL, measured.seconds)


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
