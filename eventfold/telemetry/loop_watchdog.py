"""Says what holds the event loop up: a blocking call in an agent holds all of the worker up."""

from __future__ import annotations

import sys
import threading
from time import monotonic
from traceback import format_stack

from mode import Service

from eventfold.engine import metrics

#: Seconds without a turn of the event loop after which the log says where it stands.
LIMIT = 5.0

#: Seconds between two turns that are noted, and between two looks at them.
INTERVAL = 1.0


class LoopWatch(Service):
    """Notes that the event loop turns; where it doesn't, the log says where it stands.

    A thread looks, with the interpreter's own lock: `faulthandler` reads the stacks of threads
    that run on meanwhile, and crashed a worker that was held up and went on at that moment.
    """

    abstract = False

    def __post_init__(self) -> None:
        """Make what the thread is told by."""
        self._turned = 0.0
        self._ended = threading.Event()

    async def on_start(self) -> None:
        """Begin to look."""
        self._turned = monotonic()
        loop_thread = threading.get_ident()
        threading.Thread(
            target=self._look, args=[loop_thread], name="loop watch", daemon=True
        ).start()

    async def on_stop(self) -> None:
        """Look no more."""
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
                    "The event loop was held up for %.1f s: a blocking call in an agent belongs "
                    "into `asyncio.to_thread`",
                    self._turned - begun,
                )

    def _look(self, loop_thread: int) -> None:
        told = 0.0
        while not self._ended.wait(INTERVAL):
            turned = self._turned
            # Once for each time that it stands.
            if monotonic() - turned > LIMIT and turned != told:
                told = turned
                frame = sys._current_frames().get(loop_thread)  # noqa: SLF001  # documented
                stack = "".join(format_stack(frame)) if frame else ""
                self.log.warning("The event loop stands still, at:\n%s", stack)
