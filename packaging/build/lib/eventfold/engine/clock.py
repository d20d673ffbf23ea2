"""Wall clock: it decides when to publish and which partition is idle, never what is late."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Clock of the engine; tests replace it by one that they advance themselves."""

    def monotonic(self) -> float:
        """Return the time since an arbitrary instant (s); it never goes back."""

    def time(self) -> int:
        """Return the processing time (ms since the epoch)."""

    async def sleep(self, seconds: float) -> None:
        """Wait until the next checkpoint or check of a task is due; 0 only yields a turn."""


class SystemClock:
    """Clock of this machine."""

    def monotonic(self) -> float:
        """Return the time since an arbitrary instant (s)."""
        return time.monotonic()

    def time(self) -> int:
        """Return the time (ms since the epoch)."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await asyncio.sleep(seconds)
