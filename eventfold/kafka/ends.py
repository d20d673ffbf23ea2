"""End offsets of partitions, polled so that the lag is right where no batch arrives any more."""

import asyncio
from contextlib import suppress

from aiokafka.errors import KafkaError
from mode import Service

from eventfold.engine.tasks import Tasks

#: Seconds between two polls, and the time-out of one.
INTERVAL = 3.0


class EndWatch(Service):
    """Service that polls the end offsets of all tasks' partitions: one request to each leader.

    A fetch response has them too. But nothing is fetched for a task that restores or is
    backpressured, and transaction markers behind the last record are in no batch.
    """

    abstract = False

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self._folding = tasks

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(INTERVAL)
            # The tasks themselves report a broker that is away.
            with suppress(KafkaError, OSError, TimeoutError):
                await self._look_once()

    async def _look_once(self) -> None:
        tasks = {task.tp: task for task in self._folding.all}
        # Before a task runs, the position of its fetcher means nothing.
        running = {tp for tp, task in tasks.items() if task.next_offset is not None}
        if tasks:
            async with asyncio.timeout(INTERVAL):
                found = await self._folding.source.fetched(list(tasks))
            for tp, (fetched, end) in found.items():
                if tp in running:
                    tasks[tp].saw_fetched(fetched)
                tasks[tp].saw_end(end)
