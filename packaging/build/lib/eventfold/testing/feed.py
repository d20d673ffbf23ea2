"""Feed of batches for an agent."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventfold.engine.batch import Batch

#: Batches that may wait for an agent.
BUFFERED_BATCHES = 8


class Feed:
    """Queue of batches that an agent iterates over."""

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self._asked: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether as many batches wait as are allowed."""
        return len(self._batches) >= BUFFERED_BATCHES

    @property
    def idle(self) -> bool:
        """Whether the agent has processed all batches and awaits the next one."""
        return self._asked is not None and not self._batches

    def put(self, batch: Batch) -> None:
        """Add a batch and wake the agent."""
        self._batches.append(batch)
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(None)

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> Batch:
        while not self._batches:
            self._asked = asyncio.get_running_loop().create_future()
            try:
                await self._asked
            finally:
                self._asked = None
        return self._batches.popleft()
