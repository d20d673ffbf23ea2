"""Says what holds the event loop up: a blocking call in an agent holds all of the worker up."""

from __future__ import annotations

import faulthandler
from time import monotonic

from mode import Service

#: Seconds without a turn of the event loop after which each thread's stack is written to the log.
LIMIT = 5.0

#: The descriptor of standard error, whatever stands in its place in `sys`.
STDERR = 2

#: Seconds between two turns that are noted.
INTERVAL = 1.0


class LoopWatch(Service):
    """Notes that the event loop turns; where it doesn't, the log says where it stands."""

    abstract = False

    @Service.task
    async def _turn(self) -> None:
        # A thread of the interpreter writes it: nothing is interrupted, other than by an alarm.
        try:
            while not self.should_stop:
                faulthandler.dump_traceback_later(LIMIT, file=STDERR)
                begun = monotonic()
                await self.sleep(INTERVAL)
                self._tell(monotonic() - begun)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _tell(self, seconds: float) -> None:
        if seconds > LIMIT:
            self.log.warning(
                "The event loop was held up for %.1f s: its stack stands above; a blocking call "
                "in an agent belongs into `asyncio.to_thread`",
                seconds,
            )
