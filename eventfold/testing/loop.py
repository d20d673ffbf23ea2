"""Virtual time: a clock that the driver moves, and an event loop without I/O that obeys it."""

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary


class DriverError(Exception):
    """Error of an impossible request to the driver; the message has the remedy."""


#: Most callbacks at one instant; more are an endless loop.
PATIENCE = 200_000

#: `Any`: with its type, the loop would have to implement sockets, signals and processes.
_EventLoop: Any = asyncio.AbstractEventLoop

#: Worker that a callback belongs to; callbacks and tasks that it starts inherit it.
_owner: ContextVar[str] = ContextVar("owner", default="")


class _Timer(NamedTuple):
    """Timer at `at` (elapsed ms); timers of one instant fire in the order of their creation."""

    at: int
    number: int
    handle: asyncio.TimerHandle
    owner: str
    #: Length (ms) of a nap, which the loop may repeat without waking while there is no work.
    period: int = 0


class VirtualClock:
    """Clock of everything in a driver, in whole milliseconds, which the driver moves."""

    def __init__(self, start: int) -> None:
        #: Time of the start (ms since the epoch).
        self.start = start
        #: Time since the start (ms).
        self.elapsed = 0

    def time(self) -> int:
        """Return ms since the epoch."""
        return self.start + self.elapsed

    def monotonic(self) -> float:
        """Return seconds since the start."""
        return self.seconds(self.elapsed)

    @staticmethod
    def seconds(elapsed: int) -> float:
        """Return the value of `monotonic` after `elapsed` ms."""
        # Slightly more than that: 1.4 - 0.4 is a bit less than 1 in floats, so a timer of one
        # second would sometimes fire one checkpoint late.
        return elapsed / 1000 * (1 + 1e-8)

    async def sleep(self, seconds: float) -> None:
        """Sleep between two checkpoints; such a nap does not count as pending work."""
        if seconds == 0:
            await asyncio.sleep(0)
        else:
            loop: Any = asyncio.get_running_loop()  # the driver's, which has naps
            await loop.nap(seconds)


class VirtualLoop(_EventLoop):
    """Event loop that runs coroutines of several workers until none can continue.

    The driver moves the time. Workers can be killed, and frozen as SIGSTOP freezes a process. There
    are no sockets and no threads: what needs them raises NotImplementedError.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._numbers = count()
        self._ready: deque[tuple[asyncio.Handle, str]] = deque()
        self._timers: list[_Timer] = []
        self._naps: list[_Timer] = []
        self._frozen: dict[str, list[tuple[asyncio.Handle, str]]] = {}
        self._tasks: WeakKeyDictionary[asyncio.Task, tuple[int, str]] = WeakKeyDictionary()
        self._closed = False
        #: Errors that callbacks raised.
        self.errors: list[BaseException] = []

    # -- for the driver

    def run_ready(self) -> None:
        """Run all callbacks of this instant. Raises DriverError in a coroutine, or without end."""
        if events._get_running_loop() is not None:  # noqa: SLF001  # raises nothing, as its public sister does
            raise DriverError(
                "a driver can't be used in a coroutine: call it from a plain function"
            )
        events._set_running_loop(self)  # noqa: SLF001  # as every event loop does
        try:
            for _ in range(PATIENCE):
                if not self._ready:
                    return
                self._run(*self._ready.popleft())
        finally:
            events._set_running_loop(None)  # noqa: SLF001
        raise DriverError(f"{PATIENCE} callbacks at one instant: something never waits")

    def _run(self, handle: asyncio.Handle, owner: str) -> None:
        if handle.cancelled():
            return
        if owner in self._frozen:
            self._frozen[owner].append((handle, owner))
        else:
            handle._run()  # noqa: SLF001  # as every event loop does

    def spawn(self, owner: str, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a coroutine of a worker."""
        context = copy_context()
        context.run(_owner.set, owner)
        return self.create_task(coroutine, context=context)

    def next_due(self, *, naps: bool) -> int | None:
        """Return the time (elapsed ms) of the next timer, or None; `naps` includes naps."""
        while self._timers and self._timers[0].handle.cancelled():
            heappop(self._timers)
        due = [timer.at for timer in self._timers[:1]]
        if naps:
            due += [nap.at for nap in self._naps[:1]]
        return min(due, default=None)

    def fire(self) -> None:
        """Queue the callbacks of the timers that are due."""
        now = self.clock.elapsed
        due = []
        for timers in (self._timers, self._naps):
            while timers and timers[0].at <= now:
                due.append(heappop(timers))
        self._ready.extend((timer.handle, timer.owner) for timer in sorted(due))

    def pass_over_naps(self, until: int) -> None:
        """Extend naps that would end before `until` (ms): their sleepers would do nothing."""
        passed = [nap for nap in self._naps if nap.at < until]
        kept = [nap for nap in self._naps if nap.at >= until]
        for nap in passed:
            times = -(-(until - nap.at) // nap.period)
            kept.append(nap._replace(at=nap.at + times * nap.period))
        self._naps = kept
        heapify(self._naps)

    def freeze(self, owner: str) -> None:
        """Hold back all callbacks of a worker."""
        self._frozen.setdefault(owner, [])

    def thaw(self, owner: str) -> None:
        """Resume the callbacks of a frozen worker."""
        self._ready.extend(self._frozen.pop(owner, ()))

    def kill(self, owner: str) -> None:
        """Cancel all coroutines of a worker."""
        self.thaw(owner)
        mine = [(number, task) for task, (number, of) in self._tasks.items() if of == owner]
        for _, task in sorted(mine, key=lambda item: item[0]):
            task.cancel()
        self._naps = [nap for nap in self._naps if nap.owner != owner]
        heapify(self._naps)
        self.run_ready()

    # -- interface of asyncio

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        """Start a coroutine as a task of the worker that calls this."""
        context = copy_context() if context is None else context
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks[task] = next(self._numbers), context.get(_owner, "")
        return task

    def create_future(self) -> asyncio.Future[Any]:
        """Return a new future of this loop."""
        return asyncio.Future(loop=self)

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Queue a callback for this instant, behind those that wait already."""
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((handle, context.get(_owner, "")))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Set a timer for `delay` seconds from now."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Set a timer for `when` (s), rounded up to milliseconds."""
        timer = self._timer(when, callback, args, context)
        heappush(self._timers, timer)
        return timer.handle

    def nap(self, seconds: float) -> asyncio.Future[None]:
        """Return a future that is done after `seconds`; it does not count as pending work."""
        future = self.create_future()
        timer = self._timer(self.time() + seconds, _wake, (future,), None)
        heappush(self._naps, timer._replace(period=max(1, timer.at - self.clock.elapsed)))
        return future

    def _timer(
        self, when: float, callback: Any, args: tuple[Any, ...], context: Context | None
    ) -> _Timer:
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        # Round first: 1.4 s are 1,400.0000000000002 ms in floats.
        at = ceil(round(when * 1000, 6))
        return _Timer(at, next(self._numbers), handle, context.get(_owner, ""))

    def time(self) -> float:
        """Return seconds since the start."""
        return self.clock.elapsed / 1000

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Store the error of a callback, for the driver to raise it."""
        error = context.get("exception")
        if error is not None and "handle" in context:
            self.errors.append(error)

    def get_debug(self) -> bool:
        """Return False: nothing is timed or traced."""
        return False

    def is_running(self) -> bool:
        """Return whether a callback of this loop is running."""
        return events._get_running_loop() is self  # noqa: SLF001

    def is_closed(self) -> bool:
        """Return whether the loop is closed."""
        return self._closed

    def close(self) -> None:
        """Cancel all tasks and close the loop."""
        for owner in list(self._frozen):
            self.thaw(owner)
        for task in list(self._tasks):
            task.cancel()
        self.run_ready()
        self._closed = True

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing: a cancelled timer is skipped when it is due."""


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
