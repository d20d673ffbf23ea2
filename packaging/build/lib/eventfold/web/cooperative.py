"""Cooperative iteration: long answers are computed in slices, and folding goes on in between."""

import asyncio
import time
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

#: Longest time (s) for which an answer occupies the event loop without a pause.
SLICE = 0.005


async def collect(items: Iterable[T]) -> list[T]:
    """Collect items that take long to compute; yield to the event loop every `SLICE` seconds."""
    found = []
    until = time.monotonic() + SLICE
    for item in items:
        found.append(item)
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + SLICE
    return found
