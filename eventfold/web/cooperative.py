"""Long answers are made a little at a time: folding goes on in between."""

import asyncio
import time
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

#: Seconds for which an answer keeps the event loop to itself.
SLICE = 0.005


async def collect(items: Iterable[T]) -> list[T]:
    """List items that take long to make, and let the event loop do other things in between."""
    found = []
    until = time.monotonic() + SLICE
    for item in items:
        found.append(item)
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + SLICE
    return found
