"""Tasks of a replay: the engine's own, with positions that no group commits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eventfold.engine.errors import UnwritableError, in_words
from eventfold.engine.tasks import Tasks
from eventfold.replay.errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from aiokafka import TopicPartition
    from aiokafka.structs import OffsetAndMetadata

    from eventfold.engine.table import StateTable
    from eventfold.engine.task import Task
    from eventfold.replay.shadow import ShadowJournal
    from eventfold.settings import Settings

#: Seconds between two polls of the tasks' states.
LOOK = 0.02


class ReplayTasks(Tasks):
    """Tasks that end a replay at the first error, from which a worker would recover."""

    def __init__(
        self,
        conf: Settings,
        directory: Path,
        tables: Sequence[StateTable],
        journal: ShadowJournal,
        begins: Mapping[TopicPartition, int],
    ) -> None:
        super().__init__(conf, directory)
        self.journal = journal
        self.source = _Positions(begins)
        for table in tables:
            self.add_table(table)
        #: Resolved with the first error.
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        """End the replay with this error."""
        if not self.failed.done():
            self.failed.set_exception(error)

    async def _mend(self, task: Task, error: Exception) -> None:
        why = in_words(error)
        if isinstance(error, UnwritableError):
            why = f"{error}; live left out the record that made it so, which a replay can't"
        self.fail(ReplayError(f"{task.name}: {why}"))

    async def crash(self, reason: BaseException) -> None:
        """End the replay instead of the process."""
        self.fail(ReplayError(str(reason)))

    async def open_all(self, tps: Iterable[TopicPartition]) -> None:
        """Open a task for each partition, and wait until all of them run."""
        self.assign(tps, generation=0)
        self.on_flow_open()
        await self._until(lambda: not self.pending())

    async def settle(self, tps: Sequence[TopicPartition]) -> None:
        """Wait until these tasks have written and published all results."""
        states = [state for tp in tps if (task := self.running(tp)) for state in task.states]
        await self._until(
            lambda: not any(state.dirty or state.behind or state.unpublished for state in states)
        )

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110  # tasks tell nobody
            await asyncio.sleep(LOOK)


class _Positions:
    """Source port of the tasks: start offsets, and no committed ones."""

    def __init__(self, begins: Mapping[TopicPartition, int]) -> None:
        self._begins = begins

    async def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """Return None: there is no group."""
        del tp
        return None

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the start offset as both bounds, so that no task lags."""
        begin = self._begins.get(tp, 0)
        return begin, begin

    async def topic_id(self, topic: str) -> str:
        """Return no id: records are replayed from whatever topic they are in."""
        del topic
        return ""

    async def fetched(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return 0 and the start offset: a replay reports no lag."""
        return {tp: (0, self._begins.get(tp, 0)) for tp in tps}

    async def seek(self, tp: TopicPartition, offset: int) -> None:
        """Do nothing: delivery begins at the start offset."""

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Do nothing: records are delivered once all tasks run."""

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Return True: no other worker takes part."""
        del tp, generation
        return True
