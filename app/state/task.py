"""A task: one partition of a source, the tables folded from it, and the producer that fences it."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from app.state import metrics
from app.state.batch import Decoder

if TYPE_CHECKING:
    from app.state.journal import Writer
    from app.state.partition import PartitionState, Snapshot
    from app.state.tasks import Tasks

logger = logging.getLogger(__name__)

#: Seconds that closing waits for the checkpoint in flight, for the last one, for the producer.
CLOSE_TIMEOUT = 2.0

#: A checkpoint that takes longer than this many intervals holds folding up.
PATIENCE = 5


class TaskError(Exception):
    """A task can't go on, and no restart would help; the worker stops with this message."""


class State(Enum):
    """What a task is doing."""

    OPENING = "opening"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


class Task:
    """Folds one partition of a source into its tables and checkpoints them together.

    It lives from one assignment of the partition to the next revocation. Opening goes: fence and
    abort what was pending, read the committed offset, restore, wait until the flow of this
    generation is open, seek, fold.
    """

    def __init__(self, tasks: Tasks, source: str, partition: int, generation: int) -> None:
        self.tasks = tasks
        self.source = source
        self.partition = partition
        self.generation = generation
        self.state = State.OPENING
        self.states: list[PartitionState] = []
        self.clock = tasks.clock
        self.decoder = Decoder(tasks.topics[source], partition, tasks.conf.max_ahead, self.clock)
        #: Offset of the next record to deliver; None until the task runs.
        self.next_offset: int | None = None
        self._writer: Writer = tasks.journal.writer(self.name)
        #: The coroutine that takes the task through its life.
        self.runner: asyncio.Future | None = None
        self._checkpoint: asyncio.Task[None] | None = None
        self._checkpointed = 0.0

    @property
    def tp(self) -> TopicPartition:
        """The source partition."""
        return TopicPartition(self.source, self.partition)

    @property
    def name(self) -> str:
        """What logs call it."""
        return f"{self.source}-{self.partition}"

    def holds(self, state: PartitionState) -> bool:
        """Say whether this task runs and folds into `state`."""
        return self.state is State.RUNNING and state in self.states

    # -- opening

    async def open(self) -> None:
        """Go through the steps of opening; the task runs then. Raises what stops it."""
        await self._writer.start()
        # Only now: what an older owner had pending is aborted, its offsets can't come any more.
        committed = await self.tasks.source.committed(self.tp)
        for leads, table in enumerate(self.tasks.tables_of(self.source)):
            path = self.tasks.store_path(table, self.partition)
            store = await self.tasks.journal.restore(path, table, self.partition)
            state = table.new_state(self.partition, store, leads=leads == 0)
            self.states.append(state)
            state.load()
        position = await self._positions(committed)
        await self.tasks.flow_open(self.generation)
        await self.tasks.source.seek(self.tp, position)
        self.next_offset = position
        for state in self.states:
            state.table.open(state)
        self.state = State.RUNNING
        self._checkpointed = self.clock.monotonic()
        logger.info("Task %s runs from offset %d", self.name, position)

    async def _positions(self, committed: int | None) -> int:
        """Give each table its position, and the task the lowest of them."""
        first = None
        for state in self.states:
            position = state.restored_position
            if position is None and committed:
                raise TaskError(
                    f"table {state.table.name}: {state.table.changelog.name}-{self.partition} has "
                    f"no state, but offset {committed} of {self.name} is committed; its state is "
                    "lost: rebuild it from the source under another TICKSTREAM_APP_ID"
                )
            if position is None:
                if first is None:
                    first = await self.tasks.source.beginning(self.tp)
                position = first
            state.start(position)
        position = min(state.position for state in self.states)
        if committed is not None and committed != position:
            logger.warning(
                "%s: offset %d is committed, the state stands at %d, which holds",
                self.name,
                committed,
                position,
            )
        return position

    # -- checkpoints

    async def run(self) -> None:
        """Checkpoint at each interval while the task runs. Raises what a checkpoint raised."""
        interval = self.tasks.conf.checkpoint_interval / 1000
        while self.state is State.RUNNING:
            await self.clock.sleep(0 if any(s.behind for s in self.states) else interval)
            if self.state is State.RUNNING:
                await self.checkpoint()

    async def checkpoint(self) -> None:
        """Checkpoint if anything is due. Raises what the transaction raised."""
        now = self.clock.monotonic()
        if any(state.dirty or state.publication_due(now) for state in self.states):
            self._checkpoint = asyncio.ensure_future(self._write(now))
            # Shielded: closing waits for a checkpoint in flight instead of cutting it off.
            await asyncio.shield(self._checkpoint)

    async def _write(self, now: float) -> None:
        """Write a checkpoint, with the publications due at `now` (s)."""
        begun = self.clock.monotonic()
        snapshots: list[tuple[PartitionState, Snapshot]] = [
            (state, state.snapshot(publish=state.publication_due(now))) for state in self.states
        ]
        position = min(snapshot.position for _, snapshot in snapshots)
        metadata = self.tasks.signature(self.source)
        try:
            reached = await self._writer.write(snapshots, self.tp, position, metadata)
        except BaseException:
            metrics.checkpoints.labels(self.source, "failed").inc()
            raise
        for (state, snapshot), offset in zip(snapshots, reached, strict=True):
            state.committed(snapshot, offset)
        self._checkpointed = self.clock.monotonic()
        metrics.checkpoints.labels(self.source, "committed").inc()
        metrics.checkpoint_seconds.labels(self.source).observe(self._checkpointed - begun)
        metrics.position.labels(self.source, str(self.partition)).set(position)

    async def pace(self) -> None:
        """Hold folding up while a checkpoint takes much longer than its interval.

        Also while results are so far behind that what they are made of would fill the memory.
        """
        patience = PATIENCE * self.tasks.conf.checkpoint_interval / 1000
        while self.state is State.RUNNING and any(state.crowded for state in self.states):
            if self._checkpoint is None or self._checkpoint.done():
                await asyncio.sleep(0)  # the next one follows at once
            else:
                await asyncio.wait([self._checkpoint], timeout=patience)
        waiting = self._checkpoint
        late = self.clock.monotonic() - self._checkpointed > patience + 1
        if waiting is not None and late:
            await asyncio.wait([waiting], timeout=patience)

    # -- closing

    async def close(self, *, last_checkpoint: bool) -> None:
        """Finish what is in flight, write a last checkpoint, let go. Takes 6 s at the most."""
        ran = self.state is State.RUNNING
        self.state = State.CLOSING
        try:
            if self._checkpoint is not None and not self._checkpoint.done():
                await asyncio.wait_for(asyncio.shield(self._checkpoint), CLOSE_TIMEOUT)
            if last_checkpoint and ran and self._writer.usable and self._has_last_words:
                await asyncio.wait_for(self._write(inf), CLOSE_TIMEOUT)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next owner folds from the last one
            logger.warning("%s: no last checkpoint: %r", self.name, error)
        finally:
            await self._let_go()

    @property
    def _has_last_words(self) -> bool:
        return any(s.dirty or s.unpublished for s in self.states)

    async def _let_go(self) -> None:
        metrics.forget(self.source, self.partition, [state.table.name for state in self.states])
        for state in self.states:
            state.table.close(state)
            state.store.close()
        self.states = []
        try:
            await asyncio.wait_for(self._writer.stop(), CLOSE_TIMEOUT)
        except Exception as error:  # noqa: BLE001  # its transaction times out at the broker
            logger.warning("%s: the producer did not stop: %r", self.name, error)
        self.state = State.CLOSED
