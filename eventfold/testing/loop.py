"""An event loop that meets no operating system: callbacks in order, timers by a virtual clock."""

from __future__ import annotations

import asyncio
from asyncio import events
from collections import deque
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from eventfold.testing.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from eventfold.testing.clock import VirtualClock

#: More callbacks than this in one instant are a loop without an end.
PATIENCE = 200_000

#: Typed, it would have to have sockets, signals and processes as well.
_EventLoop: Any = asyncio.AbstractEventLoop

#: Which worker a callback belongs to; what it starts in turn belongs to the same one.
_owner: ContextVar[str] = ContextVar("owner", default="")


class _Timer(NamedTuple):
    """A callback that waits; those of one instant (ms) run in the order they were set."""

    at: int
    number: int
    handle: asyncio.TimerHandle
    owner: str
    #: Of a nap, how long it is (ms): while there is nothing to do, it may be repeated unseen.
    period: int = 0


class VirtualLoop(_EventLoop):
    """Runs coroutines of several workers until none of them can go on; time is moved from outside.

    Workers can be frozen, as SIGSTOP freezes a process, and killed. There are no sockets and no
    threads: what needs them raises NotImplementedError.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._numbers = count()
        self._ready: deque[tuple[asyncio.Handle, str]] = deque()
        self._timers: list[_Timer] = []
        self._naps: list[_Timer] = []
        self._frozen: dict[str, list[tuple[asyncio.Handle, str]]] = {}
        self._tasks: WeakKeyDictionary[asyncio.Task, tuple[int, str]] = WeakKeyDictionary()
        self._closed = False
        #: What callbacks raised.
        self.errors: list[BaseException] = []

    # -- what the driver does

    def run_ready(self) -> None:
        """Run all that can run at this instant. Raises DriverError if that never ends."""
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
        """Begin a coroutine of a worker."""
        context = copy_context()
        context.run(_owner.set, owner)
        return self.create_task(coroutine, context=context)

    def next_due(self, *, naps: bool) -> int | None:
        """Give when the next timer is due (elapsed ms), naps included or not; None without one."""
        while self._timers and self._timers[0].handle.cancelled():
            heappop(self._timers)
        due = [timer.at for timer in self._timers[:1]]
        if naps:
            due += [nap.at for nap in self._naps[:1]]
        return min(due, default=None)

    def fire(self) -> None:
        """Let the callbacks go on whose time has come."""
        now = self._clock.elapsed
        due = []
        for timers in (self._timers, self._naps):
            while timers and timers[0].at <= now:
                due.append(heappop(timers))
        self._ready.extend((timer.handle, timer.owner) for timer in sorted(due))

    def pass_over_naps(self, until: int) -> None:
        """Repeat naps that would end before `until` (elapsed ms), as their sleepers would do."""
        passed = [nap for nap in self._naps if nap.at < until]
        kept = [nap for nap in self._naps if nap.at >= until]
        for nap in passed:
            times = -(-(until - nap.at) // nap.period)
            kept.append(nap._replace(at=nap.at + times * nap.period))
        self._naps = kept
        heapify(self._naps)

    def freeze(self, owner: str) -> None:
        """Let nothing of a worker run any more."""
        self._frozen.setdefault(owner, [])

    def thaw(self, owner: str) -> None:
        """Let a frozen worker go on where it was."""
        self._ready.extend(self._frozen.pop(owner, ()))

    def kill(self, owner: str) -> None:
        """End all of a worker's coroutines where they are."""
        self.thaw(owner)
        mine = [(number, task) for task, (number, of) in self._tasks.items() if of == owner]
        for _, task in sorted(mine, key=lambda item: item[0]):
            task.cancel()
        self._naps = [nap for nap in self._naps if nap.owner != owner]
        heapify(self._naps)
        self.run_ready()

    # -- what asyncio asks of an event loop

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        """Begin a coroutine, which belongs to the worker that asks for it."""
        context = copy_context() if context is None else context
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks[task] = next(self._numbers), context.get(_owner, "")
        return task

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future."""
        return asyncio.Future(loop=self)

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call at this very instant, after what waits already."""
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((handle, context.get(_owner, "")))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call after `delay` seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call at `when` (s), rounded up to milliseconds."""
        timer = self._timer(when, callback, args, context)
        heappush(self._timers, timer)
        return timer.handle

    def nap(self, seconds: float) -> asyncio.Future[None]:
        """Give a future that is done after so long; it alone is no reason to let time pass."""
        future = self.create_future()
        timer = self._timer(self.time() + seconds, _wake, (future,), None)
        heappush(self._naps, timer._replace(period=max(1, timer.at - self._clock.elapsed)))
        return future

    def _timer(
        self, when: float, callback: Any, args: tuple[Any, ...], context: Context | None
    ) -> _Timer:
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        # Rounded first: 1.4 s are not 1,400.0000000000002 ms.
        at = ceil(round(when * 1000, 6))
        return _Timer(at, next(self._numbers), handle, context.get(_owner, ""))

    def time(self) -> float:
        """Give seconds since the start."""
        return self._clock.elapsed / 1000

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what a callback raised, for the driver to raise it."""
        error = context.get("exception")
        if error is not None and "handle" in context:
            self.errors.append(error)

    def get_debug(self) -> bool:
        """Say that nothing is timed or traced."""
        return False

    def is_running(self) -> bool:
        """Say whether a callback of this loop is being run."""
        return events._get_running_loop() is self  # noqa: SLF001

    def is_closed(self) -> bool:
        """Say whether the driver is done."""
        return self._closed

    def close(self) -> None:
        """Cancel all that waits and run no more."""
        for owner in list(self._frozen):
            self.thaw(owner)
        for task in list(self._tasks):
            task.cancel()
        self.run_ready()
        self._closed = True

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to do: it is skipped when its time comes."""


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
