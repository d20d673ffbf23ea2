"""Looks where partitions end, so that the lag is right also where no batch comes any more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError
from mode import Service

if TYPE_CHECKING:
    from eventfold.engine.tasks import Tasks

#: Seconds between two looks, and that one may take.
INTERVAL = 3.0


class EndWatch(Service):
    """Tells the tasks where their partitions end: one request to each leader.

    A fetch says so too, but nothing is fetched for a task that restores, or that holds folding up;
    and behind the last record there may be markers of transactions, which are in no batch.
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
        # Before it runs, its fetcher reads from where it pleases.
        running = {tp for tp, task in tasks.items() if task.next_offset is not None}
        if tasks:
            async with asyncio.timeout(INTERVAL):
                found = await self._folding.source.fetched(list(tasks))
            for tp, (fetched, end) in found.items():
                if tp in running:
                    tasks[tp].saw_fetched(fetched)
                tasks[tp].saw_end(end)
