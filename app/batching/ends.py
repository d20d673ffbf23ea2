"""Looks where partitions end, so that lag is known also of those from which nothing is fetched."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError
from mode import Service

if TYPE_CHECKING:
    from app.state.tasks import Tasks

#: Seconds between two looks, and that one may take.
INTERVAL = 3.0


class EndWatch(Service):
    """Tells the tasks where their partitions end: one request to each leader.

    A fetch says so too, but nothing is fetched for a task that restores, or that holds folding up.
    """

    abstract = False

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self._folding = tasks

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(INTERVAL)
            # A broker that is away is the tasks' business: they say so.
            with suppress(KafkaError, OSError, TimeoutError):
                await self._look_once()

    async def _look_once(self) -> None:
        tasks = {task.tp: task for task in self._folding.all}
        if tasks:
            async with asyncio.timeout(INTERVAL):
                ends = await self._folding.source.ends(list(tasks))
            for tp, end in ends.items():
                tasks[tp].saw_end(end)
