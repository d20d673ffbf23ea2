"""The wall clock: it says when to publish and which partition is idle, never what is late."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the engine asks of a clock; a test brings one that it moves itself."""

    def monotonic(self) -> float:
        """Give seconds since some moment; they never go back."""

    def time(self) -> int:
        """Give ms since the epoch: the processing time."""

    async def sleep(self, seconds: float) -> None:
        """Wait until the next checkpoint may be due."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Give seconds since some moment."""
        return time.monotonic()

    def time(self) -> int:
        """Give ms since the epoch."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""
        await asyncio.sleep(seconds)
