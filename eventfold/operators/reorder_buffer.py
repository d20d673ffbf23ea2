"""A reorder buffer: handles a key's records in order of event time, whatever their arrival.

    event times by arrival    1 3 2 5 4
    as handled                1 2 3 4 5

A record waits until the watermark (stream time less the grace) has passed it, since no record that
precedes it can still arrive. So results depend on the records in the log, not on their order there.
The price is that they are published later, by the grace. A late record becomes a dead letter,
which states how late it was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import insort
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from eventfold.operators.processor import LateError

if TYPE_CHECKING:
    from eventfold.operators.processor import Context

#: Most records of a key that wait. If more arrive within the grace, the earliest is handled at
#: once: a flood costs order, not memory.
MOST_WAITING = 2_000

R = TypeVar("R")

#: Event time (ms), offset, record.
Waiting = tuple[int, int, R]


class Queued(Protocol):
    """A state that has the records that wait, in order of time and offset."""

    waiting: list[Waiting[Any]]


S = TypeVar("S", bound=Queued)


class InOrder(ABC, Generic[S, R]):
    """Processor (`processor.py`) that handles records in order of event time, then offset.

    A timer of the state fires after the records before its time and before those at its time.
    """

    def on_record(self, state: S | None, record: R, context: Context) -> S | None:
        """Buffer a record until the watermark passes it. Raises as `on_late` does if it is late."""
        event = context.time, context.offset, record
        if context.late:
            return self.on_late(state, event, context)
        state = self.new(context.key) if state is None else state
        insort(state.waiting, event)
        if len(state.waiting) > MOST_WAITING:
            self.advance(state, state.waiting[0][0] + 1, context)
        context.timer(self.next_timer(state))
        return state

    def on_late(self, state: S | None, event: Waiting[R], context: Context) -> S:  # noqa: ARG002
        """Reject a late record: raise LateError, so that it becomes a dead letter."""
        raise LateError.of(context)

    def on_time(self, state: S, context: Context) -> S | None:
        """Handle the records before the timer's time, and the state's own timers up to it."""
        self.advance(state, context.time, context)
        context.timer(self.next_timer(state))
        return state

    def on_shared(self, record: Any, context: Context) -> None:
        """Ignore the record: none concerns all keys."""

    def advance(self, state: S, until: int, context: Context) -> None:
        """Handle the records before `until` (ms), and the timers before or at it, in order."""
        waiting = state.waiting
        while True:
            due = self.due(state)
            if waiting and waiting[0][0] < until and (due is None or waiting[0][0] < due):
                self.handle(state, waiting.pop(0), context)
            elif due is not None and due <= until:
                self.pass_due(state, due, context)
            else:
                return

    def next_timer(self, state: S) -> int | None:
        """Return the time (ms) of the next record or timer to handle; None if there is none."""
        # 1 ms after the record, when all records of the same instant have arrived.
        moments = [state.waiting[0][0] + 1] if state.waiting else []
        due = self.due(state)
        return min(moments if due is None else [*moments, due], default=None)

    @abstractmethod
    def new(self, key: str) -> S:
        """Return the state of a key before its first record."""

    @abstractmethod
    def handle(self, state: S, event: Waiting[R], context: Context) -> None:
        """Handle the next record: change the state, send outputs."""

    def due(self, state: S) -> int | None:  # noqa: ARG002  # most wait for nothing
        """Return the time (ms) of the state's next timer; None if it has none."""
        return None

    def pass_due(self, state: S, due: int, context: Context) -> None:
        """Fire the timer at `due` (ms). Afterwards `due(state)` must be later, or None."""
