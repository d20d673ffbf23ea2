"""Watchdog: log the stack when the event loop is blocked, which blocks the whole worker."""

import sys
import threading
from time import monotonic
from traceback import format_stack

from mode import Service

from eventfold.engine import metrics

#: Seconds without a turn of the event loop after which its stack is logged.
LIMIT = 5.0

#: Seconds between two turns that are recorded, and between two checks of them.
INTERVAL = 1.0


class LoopWatch(Service):
    """Service that records turns of the event loop and logs its stack if there are none.

    A thread checks, holding the interpreter's own lock. `faulthandler` reads the stacks of threads
    that keep running, and crashed a worker whose blocked loop resumed at that moment.
    """

    abstract = False

    def __post_init__(self) -> None:
        """Create the state shared with the thread."""
        self._turned = 0.0
        self._ended = threading.Event()

    async def on_start(self) -> None:
        """Start the checking thread."""
        self._turned = monotonic()
        loop_thread = threading.get_ident()
        threading.Thread(
            target=self._check, args=[loop_thread], name="loop watch", daemon=True
        ).start()

    async def on_stop(self) -> None:
        """End the checking thread."""
        self._ended.set()

    @Service.task
    async def _turn(self) -> None:
        while not self.should_stop:
            begun = monotonic()
            await self.sleep(INTERVAL)
            self._turned = monotonic()
            metrics.loop_delay.observe(max(0.0, self._turned - begun - INTERVAL))
            if self._turned - begun > LIMIT:
                self.log.warning(
                    "The event loop was blocked for %.1f s: a blocking call in an agent belongs "
                    "into `asyncio.to_thread`",
                    self._turned - begun,
                )

    def _check(self, loop_thread: int) -> None:
        logged = 0.0
        while not self._ended.wait(INTERVAL):
            turned = self._turned
            # Once each time.
            if monotonic() - turned > LIMIT and turned != logged:
                logged = turned
                frame = sys._current_frames().get(loop_thread)  # noqa: SLF001  # documented
                stack = "".join(format_stack(frame)) if frame else ""
                self.log.warning("The event loop is blocked, at:\n%s", stack)
