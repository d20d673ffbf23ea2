"""The tasks of a replay: the engine's own, over positions that no group commits."""

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

    from app.settings import Settings
    from eventfold.engine.table import StateTable
    from eventfold.engine.task import Task
    from eventfold.replay.shadow import ShadowJournal

#: Seconds between two looks at what tasks do.
LOOK = 0.02


class ReplayTasks(Tasks):
    """Tasks that end with the first error: what a worker lives through, a replay is asked for."""

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
        #: Done with what went wrong.
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
        """End the replay, instead of a process."""
        self.fail(ReplayError(str(reason)))

    async def open_all(self, tps: Iterable[TopicPartition]) -> None:
        """Open a task for each partition, and wait until all of them run."""
        self.assign(tps, generation=0)
        self.on_flow_open()
        await self._until(lambda: not self.pending())

    async def settle(self, tps: Sequence[TopicPartition]) -> None:
        """Wait until all that these tasks have folded is written and published."""
        states = [state for tp in tps if (task := self.running(tp)) for state in task.states]
        await self._until(
            lambda: not any(state.dirty or state.behind or state.unpublished for state in states)
        )

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110  # tasks tell nobody
            await asyncio.sleep(LOOK)


class _Positions:
    """Where tasks begin; nothing was ever committed."""

    def __init__(self, begins: Mapping[TopicPartition, int]) -> None:
        self._begins = begins

    async def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """There is no group."""
        del tp
        return None

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Give the offset to begin at, and that there is no end to be before."""
        begin = self._begins.get(tp, 0)
        return begin, begin

    async def topic_id(self, topic: str) -> str:
        """Return none: what is replayed are records, whatever topic they are read from."""
        del topic
        return ""

    async def fetched(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Give 0 and the offset to begin at: nobody asks how far a replay is behind."""
        return {tp: (0, self._begins.get(tp, 0)) for tp in tps}

    async def seek(self, tp: TopicPartition, offset: int) -> None:
        """Nothing to do: what is delivered begins there."""

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Nothing to do: records are delivered once all tasks run."""

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Nobody else has it."""
        del tp, generation
        return True
