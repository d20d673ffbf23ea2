"""A clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from eventfold.testing.loop import VirtualLoop


class VirtualClock:
    """The time of all that runs in a driver: whole milliseconds, which pass when it says so."""

    def __init__(self, start: int) -> None:
        #: When it began to run (ms since the epoch).
        self.start = start
        #: What has passed since (ms).
        self.elapsed = 0

    def time(self) -> int:
        """Give ms since the epoch."""
        return self.start + self.elapsed

    def monotonic(self) -> float:
        """Give seconds since the start."""
        return self.seconds(self.elapsed)

    @staticmethod
    def seconds(elapsed: int) -> float:
        """Give what `monotonic` says when so much (ms) has passed."""
        # A hair more than that: 1.4 - 0.4 is a bit less than 1 in floats, so what is due after a
        # second would be a checkpoint late now and then.
        return elapsed / 1000 * (1 + 1e-8)

    async def sleep(self, seconds: float) -> None:
        """Wait until the next checkpoint may be due; not counted as something to be done."""
        if seconds == 0:
            await asyncio.sleep(0)
        else:
            await cast("VirtualLoop", asyncio.get_running_loop()).nap(seconds)
