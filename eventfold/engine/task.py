"""Task: one partition of a source, the tables folded from it, and the producer that fences it."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from eventfold.engine import metrics
from eventfold.engine.batch import Decoder
from eventfold.engine.errors import OtherHistoryError, TaskError, afresh, in_words, made_anew
from eventfold.engine.owner import Runtime
from eventfold.engine.progress import Progress
from eventfold.engine.store import wipe
from eventfold.telemetry import logs, traces
from eventfold.windows.panes import BEFORE_ALL

if TYPE_CHECKING:
    from pathlib import Path

    from aiokafka.structs import OffsetAndMetadata

    from eventfold.engine.definitions import Definitions
    from eventfold.engine.journal import Journal, Writer
    from eventfold.engine.partition import PartitionState, Snapshot
    from eventfold.engine.source import Source
    from eventfold.engine.store import Store
    from eventfold.engine.table import StateTable
    from eventfold.engine.uncommitted import Uncommitted
    from eventfold.topics import BoundTopic

logger = logging.getLogger(__name__)

#: Longest wait (s) of closing for a task that is still opening, and for the producer.
CLOSE_TIMEOUT = 2.0

#: Longest time (s) of the checkpoint in flight and the last one together. The first checkpoint of a
#: task, on a machine with ten times the work it can do, took three.
LAST_CHECKPOINT_TIMEOUT = 4.0

#: A new leader may report a stale end offset: retry this many times, with this many seconds
#: between.
LOOKS = 5
LOOK_INTERVAL = 1.0

#: Fraction of an interval that is left for folding after a checkpoint that took long.
LEAST_REST = 0.5


class State(Enum):
    """Phase in the life of a task."""

    OPENING = "opening"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


class _Owner(Runtime, Protocol):
    """Tasks of the worker, as far as one of them needs the others: see `Tasks`."""

    journal: Journal
    source: Source
    #: Source topics by name.
    topics: dict[str, BoundTopic]
    definitions: Definitions
    uncommitted: Uncommitted

    def tables_of(self, source: str) -> list[StateTable]: ...
    def writes(self, topic: str) -> bool: ...
    def store_path(self, table: StateTable, partition: int) -> Path: ...
    def next_phase(self) -> float: ...
    async def flow_open(self, generation: int) -> None: ...


class Task:
    """Task that folds one partition of a source into its tables and checkpoints them together.

    It lives from one assignment of the partition to the next revocation. To open, it fences older
    owners and aborts their transactions, reads the committed offset, restores, waits until the flow
    of this generation is open, seeks and folds.
    """

    def __init__(self, tasks: _Owner, source: str, partition: int, generation: int) -> None:
        self.tasks = tasks
        self.source = source
        self.partition = partition
        self.generation = generation
        #: Fields added to log lines about the task.
        self.facts = {"task": self.name, "topic": source, "partition": partition}
        self.state = State.OPENING
        self.states: list[PartitionState] = []
        self.clock = tasks.clock
        self.decoder = Decoder(
            tasks.topics[source],
            partition,
            None if tasks.writes(source) else tasks.conf.max_ahead,
            self.clock,
            tasks.native,
            max_record=tasks.conf.max_record_bytes,
        )
        #: Offset of the next record to deliver; None until the task runs.
        self.next_offset: int | None = None
        #: End offset of the partition, as far as it is known.
        self.end = 0
        #: Progress of the restore under way, of one table after the other.
        self.restoring: Progress | None = None
        #: Offsets [begin, end) that held no record when they were fetched.
        self.skipped: list[tuple[int, int]] = []
        #: Position before the task runs: the group's committed offset; None if not known yet.
        self._begin: int | None = None
        self._shown = False
        self._fetched = 0
        self._writer: Writer = tasks.journal.writer(self.name)
        #: Future of the coroutine that drives the task.
        self.runner: asyncio.Future | None = None
        #: Error raised outside of `runner`, such as in an agent; nothing is committed after it.
        self.failure: Exception | None = None
        #: Committed position when the task was closed.
        self.committed = BEFORE_ALL
        self._checkpoint: asyncio.Task[None] | None = None

    @property
    def tp(self) -> TopicPartition:
        """Source partition."""
        return TopicPartition(self.source, self.partition)

    @property
    def name(self) -> str:
        """Name in log lines."""
        return f"{self.source}-{self.partition}"

    @property
    def ending(self) -> bool:
        """Whether the task is closing or closed."""
        return self.state in (State.CLOSING, State.CLOSED)

    @property
    def position(self) -> int:
        """Offset of the next record that not every table has folded, as far as it is known."""
        if self.next_offset is None:
            return self._begin or 0
        return min((state.position for state in self.states), default=self.next_offset)

    @property
    def lag(self) -> int:
        """Number of offsets that are not folded yet, as far as it is known."""
        position = self.position
        if self.next_offset is not None and position >= self.next_offset:
            # All delivered records are folded, so offsets fetched since hold no records.
            position = max(position, self._fetched)
        return max(0, self.end - position)

    def saw_fetched(self, offset: int) -> None:
        """Note the offset up to which the partition has been fetched."""
        self._fetched = offset

    def saw_end(self, end: int) -> None:
        """Note the end offset of the partition; answers may arrive out of order."""
        self.end = max(self.end, end)
        if not self._shown and self._begin is not None and not self.ending:
            self._shown = True
            metrics.follow(
                self.source, self.partition, behind=lambda: self.lag, reached=lambda: self.position
            )

    def holds(self, state: PartitionState) -> bool:
        """Return whether this task runs, has not failed, and folds into `state`."""
        return self.state is State.RUNNING and self.failure is None and state in self.states

    @property
    def backpressured(self) -> bool:
        """Whether to pause fetching for this task until a checkpoint is written.

        That is so if too much is folded and uncommitted, or if results are so overdue that the
        state they are made of would fill the memory.
        """
        return self.tasks.uncommitted.exceeded_by(self.tp) or any(
            state.backpressured for state in self.states
        )

    def measure(self) -> None:
        """Update the uncommitted bytes: after each batch, snapshot and commit."""
        if self.state is State.CLOSED:
            return
        self.tasks.uncommitted.note(self.tp, sum(each.uncommitted_bytes for each in self.states))

    def fail(self, error: Exception) -> None:
        """Make the task end with this error, because its state may be half of a batch."""
        if self.failure is None:
            self.failure = error

    # -- opening

    async def open(self) -> None:
        """Open the task until it runs. Raises the error that prevents it."""
        await self._writer.start()
        if self.ending:
            await self._writer.stop()
        self._demand_opening()
        # Only after fencing: older owners can commit no more, so this offset is final.
        committed = await self.tasks.source.committed(self.tp)
        self._check_definitions(committed)
        if committed is not None:
            self._begin = committed.offset
        tables = self.tasks.tables_of(self.source)
        metrics.begin(self.source, self.partition, [table.name for table in tables])
        for reports_decode_errors, table in enumerate(tables):
            store = await self._restore(table, committed)
            if self.ending:
                store.close()
            self._demand_opening()
            state = table.new_state(
                self.partition, store, reports_decode_errors=reports_decode_errors == 0
            )
            self.states.append(state)
            state.load()
        self.restoring = None
        self.decoder.start(max(state.meta.stream_time for state in self.states))
        self.check_source(await self.tasks.source.topic_id(self.source))
        position = await self._positions(None if committed is None else committed.offset)
        await self.tasks.flow_open(self.generation)
        await self.tasks.source.seek(self.tp, position)
        self._demand_opening()
        self.next_offset = position
        for table, state in zip(tables, self.states, strict=True):
            table.open(state)
        self.state = State.RUNNING
        logger.info("Task %s runs from offset %d", self.name, position, extra={"offset": position})

    def _demand_opening(self) -> None:
        """Raise CancelledError if the partition was revoked meanwhile.

        Cancellation alone is not enough: aiokafka swallows it while its clients close.
        """
        if self.ending:
            raise asyncio.CancelledError

    def _check_definitions(self, committed: OffsetAndMetadata | None) -> None:
        """Raise TaskError if another worker started with other tables at the same time."""
        if committed is not None:
            self.tasks.definitions.demand_same({self.tp: committed})

    def check_source(self, topic_id: str) -> None:
        """Adopt the source's topic id. Raises TaskError if the state is of another topic."""
        for state in self.states:
            if not state.follows(topic_id):
                raise TaskError(made_anew(self.source, self.tasks.conf))

    async def _restore(self, table: StateTable, committed: OffsetAndMetadata | None) -> Store:
        path = self.tasks.store_path(table, self.partition)
        reason: Exception | None = None
        for _ in range(LOOKS):
            try:
                self.restoring = Progress(table.name, self.partition)
                return await self._restore_once(path, table, self.restoring)
            except OtherHistoryError as error:
                reason = error
                if committed is None:
                    # The rows are from a broker that no longer exists.
                    logger.warning("%s; nothing is committed: it is made anew", error)
                    wipe(path)
            await self.clock.sleep(LOOK_INTERVAL)
        raise TaskError(f"table {table.name}: {reason}")

    async def _restore_once(self, path: Path, table: StateTable, progress: Progress) -> Store:
        with traces.span(
            "restore",
            messaging__system="kafka",
            messaging__destination__name=table.changelog.name,
            messaging__destination__partition__id=str(self.partition),
            tickstream__table=table.name,
        ):
            store = await self.tasks.journal.restore(path, table, self.partition, progress)
            traces.note(tickstream__rows=progress.rows)
            return store

    async def _positions(self, committed: int | None) -> int:
        """Set the position of each table; return the lowest, at which the task starts.

        Raises TaskError if an offset is committed for a table that has no state.
        """
        reached = max(state.restored_position or 0 for state in self.states)
        first = await self._first_offset(reached)
        for state in self.states:
            position = state.restored_position
            if position is None and committed:
                raise TaskError(
                    f"table {state.table.name}: {state.table.changelog.name}-{self.partition} has "
                    f"no state, but offset {committed} of {self.name} is committed; its state is "
                    f"lost: {afresh(self.tasks.conf)}"
                )
            state.start(first if position is None else position)
        position = min(state.position for state in self.states)
        if committed is not None and committed != position:
            logger.warning(
                "%s: offset %d is committed, the state stands at %d, which holds",
                self.name,
                committed,
                position,
                extra={"offset": position},
            )
        self._report_lost(position, first)
        for state in self.states:
            state.start(max(first, state.position))
        return max(first, position)

    async def _first_offset(self, reached: int) -> int:
        """Return the first offset of the source. Raises TaskError if it ends before `reached`."""
        for _ in range(LOOKS):
            first, end = await self.tasks.source.bounds(self.tp)
            self._begin = first if self._begin is None else self._begin
            self.saw_end(end)
            if reached <= end:
                return first
            await self.clock.sleep(LOOK_INTERVAL)
        raise TaskError(
            f"{self.name} ends at offset {end}, its tables stand at {reached}: the topic was made "
            f"anew, or its broker has lost records: {afresh(self.tasks.conf)}"
        )

    def _report_lost(self, position: int, first: int) -> None:
        """Log and count the records that the broker has deleted before they were folded."""
        if position < first:
            metrics.lost.labels(self.source, str(self.partition)).inc(first - position)
            logger.error(
                "%s: offsets %d to %d were deleted before they were folded, their records are in "
                "no window: the topic's retention is shorter than this application was behind",
                self.name,
                position,
                first - 1,
                extra={"offset": position},
            )

    # -- checkpoints

    async def run(self) -> None:
        """Checkpoint at each interval while the task runs, out of phase with other tasks.

        Raises the error of a checkpoint, or the error that the task failed with.
        """
        interval = self.tasks.conf.checkpoint_interval / 1000
        due = self.clock.monotonic() + interval * self.tasks.next_phase()
        while self.state is State.RUNNING:
            if any(state.behind for state in self.states):
                await self.clock.sleep(0)
            else:
                await self.clock.sleep(due - self.clock.monotonic())
                # Due times are on a grid, so that a long checkpoint delays no other and tasks stay
                # out of phase; the grid moves after a sleep of more than an interval.
                woken = self.clock.monotonic()
                due = (due if woken < due + interval else woken) + interval
            if self.skipped:
                await self._explain_skipped()
            if self.state is State.RUNNING:
                await self.checkpoint()
            due = max(due, self.clock.monotonic() + interval * LEAST_REST)

    async def _explain_skipped(self) -> None:
        """Report skipped offsets whose records were deleted; others are transaction markers."""
        try:
            first, _ = await asyncio.wait_for(self.tasks.source.bounds(self.tp), CLOSE_TIMEOUT)
        except (KafkaError, TimeoutError):
            return  # try again at the next checkpoint
        skipped, self.skipped = self.skipped, []
        for begin, end in skipped:
            self._report_lost(begin, min(first, end))

    async def checkpoint(self) -> None:
        """Write a checkpoint if anything is due.

        Raises the error that the task failed with, or the error of the transaction.
        """
        if self.failure is not None:
            raise self.failure
        now = self.clock.monotonic()
        if any(state.dirty or state.publication_due(now) for state in self.states):
            self._checkpoint = asyncio.ensure_future(self._write(now))
            # Shielded: closing waits for a checkpoint in flight instead of cancelling it.
            await asyncio.shield(self._checkpoint)

    async def _write(self, now: float) -> None:
        """Write a checkpoint, with the publications due at `now` (s, monotonic clock)."""
        with traces.span(
            "checkpoint",
            messaging__system="kafka",
            messaging__destination__name=self.source,
            messaging__destination__partition__id=str(self.partition),
        ):
            await self._write_all(now)

    async def _write_all(self, now: float) -> None:
        begun = self.clock.monotonic()
        snapshots: list[tuple[PartitionState, Snapshot]] = [
            (state, state.snapshot(publish=state.publication_due(now))) for state in self.states
        ]
        self.measure()
        position = min(snapshot.position for _, snapshot in snapshots)
        traces.note(
            messaging__kafka__offset=position,
            tickstream__rows=sum(len(snapshot.rows) for _, snapshot in snapshots),
        )
        metadata = self.tasks.definitions.metadata(self.source)
        try:
            reached = await self._writer.write(snapshots, self.tp, position, metadata)
        except BaseException:
            metrics.checkpoints.labels(self.source, "failed").inc()
            raise
        for (state, snapshot), offset in zip(snapshots, reached, strict=True):
            state.committed(snapshot, offset)
            labels = state.table.name, str(self.partition)
            metrics.changelog_rows.labels(*labels).inc(len(snapshot.rows))
        self.measure()
        metrics.checkpoints.labels(self.source, "committed").inc()
        metrics.checkpoint_seconds.labels(self.source).observe(self.clock.monotonic() - begun)

    # -- closing

    async def close(self, *, last_checkpoint: bool) -> None:
        """Finish the checkpoint in flight, write a last one, release all. Takes 6 s at most.

        A task that is still opening is cancelled.
        """
        logs.about(self.facts)
        ran, opening = self.state is State.RUNNING, self.state is State.OPENING
        self.state = State.CLOSING
        if opening and self.runner is not None and self.runner is not asyncio.current_task():
            self.runner.cancel()
            await asyncio.wait([self.runner], timeout=CLOSE_TIMEOUT)
        try:
            async with asyncio.timeout(LAST_CHECKPOINT_TIMEOUT):
                await self._finish_checkpoint()
                whole = ran and self.failure is None
                if last_checkpoint and whole and self._writer.usable:
                    await self._write_last()
        except Exception as error:  # noqa: BLE001  # whatever it is, the next owner folds from the last one
            logger.warning("%s: no last checkpoint: %s", self.name, in_words(error))
        finally:
            if ran:
                self._log_position()
            await self._let_go()

    async def _write_last(self) -> None:
        """Write the changes left, checkpoint after checkpoint while there is time for another."""
        until = self.clock.monotonic() + LAST_CHECKPOINT_TIMEOUT / 2
        due = self._has_last_words
        while due:
            self._checkpoint = asyncio.ensure_future(self._write(inf))
            await self._finish_checkpoint()
            behind = any(state.behind for state in self.states)
            due = behind and self.clock.monotonic() < until

    async def _finish_checkpoint(self) -> None:
        """Wait for the checkpoint in flight, if any. Raises its error."""
        if self._checkpoint is not None and not self._checkpoint.done():
            # Shielded: when cancelled it would abort, and wait for a broker that may be gone.
            await asyncio.shield(self._checkpoint)

    def _log_position(self) -> None:
        folded = max(state.position for state in self.states)
        committed = min(state.committed_position for state in self.states)
        logger.info(
            "Task %s is closed: folded to offset %d, committed to %d",
            self.name,
            folded,
            committed,
            extra={"offset": committed},
        )

    @property
    def _has_last_words(self) -> bool:
        return any(s.dirty or s.unpublished for s in self.states)

    async def _let_go(self) -> None:
        self.restoring = None
        try:
            await asyncio.wait_for(self._writer.stop(), CLOSE_TIMEOUT)
        except Exception as error:  # noqa: BLE001  # its transaction times out at the broker
            logger.warning("%s: the producer did not stop: %r", self.name, error)
        if self._checkpoint is not None:
            # Its transaction is aborted, or committed: then the next owner finds it in the
            # changelog.
            self._checkpoint.cancel()
        metrics.forget(self.source, self.partition, [state.table.name for state in self.states])
        if self.states:
            self.committed = min(each.committed_position for each in self.states)
        # As many as it has opened.
        for table, state in zip(self.tasks.tables_of(self.source), self.states, strict=False):
            table.close(state)
            state.store.close()
        self.states = []
        self.tasks.uncommitted.forget(self.tp)
        self.state = State.CLOSED
