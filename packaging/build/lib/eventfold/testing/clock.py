"""Virtual clock: it stands still until the driver moves it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from eventfold.testing.loop import VirtualLoop


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
            await cast("VirtualLoop", asyncio.get_running_loop()).nap(seconds)
