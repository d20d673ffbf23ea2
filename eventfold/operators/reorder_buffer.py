"""A key's records in the order of their event time, whatever the order in which they come.

    sent at   1 2 3 4 5                      a record waits until stream time less the grace has
    comes     1 3 2 5 4    handled 1 2 3 4 5    passed it: nothing that precedes it can still come

What follows from the records is then a function of what the log holds, not of the way it came.
The price is that it is said a grace later. A record that comes after its grace becomes a dead
letter, with how late it was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import insort
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from eventfold.operators.processor import Context

#: Most records of a key that wait. With more of them within its grace the earliest no longer
#: waits: a flood costs order, not memory.
MOST_WAITING = 2_000

R = TypeVar("R")

#: Event time (ms), offset, record.
Waiting = tuple[int, int, R]


class LateError(ValueError):
    """A record came after its grace."""


class Queued(Protocol):
    """A state with the records that wait, in order of time and offset."""

    waiting: list[Waiting[Any]]


S = TypeVar("S", bound=Queued)


class InOrder(ABC, Generic[S, R]):
    """A Process (`processor.py`) whose records come in order of event time, then offset.

    A moment that the state waits for comes after the records before it and before those at it.
    """

    def on_record(self, state: S | None, record: R, context: Context) -> S | None:
        """Let a record wait for its turn. Raises what `on_late` does."""
        event = context.time, context.offset, record
        if context.late:
            return self.on_late(state, event, context)
        state = self.new(context.key) if state is None else state
        insort(state.waiting, event)
        if len(state.waiting) > MOST_WAITING:
            self.advance(state, state.waiting[0][0] + 1, context)
        context.wake(self.next_moment(state))
        return state

    def on_late(self, state: S | None, event: Waiting[R], context: Context) -> S:  # noqa: ARG002
        """Refuse a record that came after its grace. Raises LateError: it is a dead letter."""
        behind = (context.stream_time - event[0]) / 1000
        raise LateError(f"{behind:,.3f} s behind stream time, which is more than the grace")

    def on_time(self, state: S, context: Context) -> S | None:
        """Handle what is complete by now."""
        self.advance(state, context.time, context)
        context.wake(self.next_moment(state))
        return state

    def on_shared(self, record: Any, context: Context) -> None:
        """No record concerns all keys."""

    def advance(self, state: S, until: int, context: Context) -> None:
        """Handle the records before `until` (ms) and the moments up to it."""
        waiting = state.waiting
        while True:
            due = self.due(state)
            if waiting and waiting[0][0] < until and (due is None or waiting[0][0] < due):
                self.handle(state, waiting.pop(0), context)
            elif due is not None and due <= until:
                self.pass_due(state, due, context)
            else:
                return

    def next_moment(self, state: S) -> int | None:
        """Give when something is to be done next (ms); None where nothing is."""
        # One after the record: those of the same instant are all there then.
        moments = [state.waiting[0][0] + 1] if state.waiting else []
        due = self.due(state)
        return min(moments if due is None else [*moments, due], default=None)

    @abstractmethod
    def new(self, key: str) -> S:
        """Give the state of a key before its first record."""

    @abstractmethod
    def handle(self, state: S, event: Waiting[R], context: Context) -> None:
        """Take the next record in."""

    def due(self, state: S) -> int | None:  # noqa: ARG002  # most wait for nothing
        """Give the next moment (ms) that the state waits for; None for none."""
        return None

    def pass_due(self, state: S, due: int, context: Context) -> None:
        """Let the moment that was due come; afterwards another is, or none."""
