"""First and last by event time, whatever the order of arrival."""

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, Plain, plain
from eventfold.windows.panes import AFTER_ALL, BEFORE_ALL


class FirstState(Struct, array_like=True, gc=False):
    """A value and the record it is of: its event time (ms) and source offset."""

    time: int = AFTER_ALL
    offset: int = AFTER_ALL
    item: Plain | None = None


class LastState(Struct, array_like=True, gc=False):
    """A value and the record it is of: its event time (ms) and source offset."""

    time: int = BEFORE_ALL
    offset: int = BEFORE_ALL
    item: Plain | None = None


class First(FieldAggregate[FirstState]):
    """A field of the record with the smallest (time, offset) that has it; None of nothing.

    A number, text or a bool.
    """

    state = FirstState

    def __init__(self, field: Field) -> None:
        super().__init__(field, plain)

    def zero(self) -> FirstState:
        """Give the state of no records."""
        return FirstState()

    def put(self, state: FirstState, seen: Plain, time: int, offset: int) -> None:
        """Keep a value if it comes before."""
        if time < state.time or (time == state.time and offset < state.offset):
            state.time = time
            state.offset = offset
            state.item = seen

    def merge(self, left: FirstState, right: FirstState) -> FirstState:
        """Give the first of both."""
        first = left if (left.time, left.offset) <= (right.time, right.offset) else right
        return FirstState(first.time, first.offset, first.item)

    def value(self, state: FirstState) -> Plain | None:
        """Give the first value."""
        return state.item


class Last(FieldAggregate[LastState]):
    """A field of the record with the largest (time, offset) that has it; None of nothing.

    A number, text or a bool.
    """

    state = LastState

    def __init__(self, field: Field) -> None:
        super().__init__(field, plain)

    def zero(self) -> LastState:
        """Give the state of no records."""
        return LastState()

    def put(self, state: LastState, seen: Plain, time: int, offset: int) -> None:
        """Keep a value if it comes after."""
        if time > state.time or (time == state.time and offset > state.offset):
            state.time = time
            state.offset = offset
            state.item = seen

    def merge(self, left: LastState, right: LastState) -> LastState:
        """Give the last of both."""
        last = left if (left.time, left.offset) >= (right.time, right.offset) else right
        return LastState(last.time, last.offset, last.item)

    def value(self, state: LastState) -> Plain | None:
        """Give the last value."""
        return state.item
