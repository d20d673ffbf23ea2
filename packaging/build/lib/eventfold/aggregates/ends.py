"""First and last value by event time, whatever the order of arrival."""

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, Plain, plain
from eventfold.windows.panes import AFTER_ALL, BEFORE_ALL


class FirstState(Struct, array_like=True, gc=False):
    """The first value, with the event time (ms) and source offset of its record."""

    time: int = AFTER_ALL
    offset: int = AFTER_ALL
    item: Plain | None = None


class LastState(Struct, array_like=True, gc=False):
    """The last value, with the event time (ms) and source offset of its record."""

    time: int = BEFORE_ALL
    offset: int = BEFORE_ALL
    item: Plain | None = None


class First(FieldAggregate[FirstState]):
    """Value of a field in the record with the smallest (time, offset); None without a value.

    It is a number, text or bool. Records in which the field is None are skipped.
    """

    state = FirstState

    def __init__(self, field: Field) -> None:
        super().__init__(field, plain)

    def zero(self) -> FirstState:
        """Return an empty state."""
        return FirstState()

    def put(self, state: FirstState, seen: Plain, time: int, offset: int) -> None:
        """Replace the value if its record precedes the present one's."""
        if time < state.time or (time == state.time and offset < state.offset):
            state.time = time
            state.offset = offset
            state.item = seen

    def merge(self, left: FirstState, right: FirstState) -> FirstState:
        """Return a state with the first of both values."""
        first = left if (left.time, left.offset) <= (right.time, right.offset) else right
        return FirstState(first.time, first.offset, first.item)

    def value(self, state: FirstState) -> Plain | None:
        """Return the first value."""
        return state.item


class Last(FieldAggregate[LastState]):
    """Value of a field in the record with the largest (time, offset); None without a value.

    It is a number, text or bool. Records in which the field is None are skipped.
    """

    state = LastState

    def __init__(self, field: Field) -> None:
        super().__init__(field, plain)

    def zero(self) -> LastState:
        """Return an empty state."""
        return LastState()

    def put(self, state: LastState, seen: Plain, time: int, offset: int) -> None:
        """Replace the value if its record follows the present one's."""
        if time > state.time or (time == state.time and offset > state.offset):
            state.time = time
            state.offset = offset
            state.item = seen

    def merge(self, left: LastState, right: LastState) -> LastState:
        """Return a state with the last of both values."""
        last = left if (left.time, left.offset) >= (right.time, right.offset) else right
        return LastState(last.time, last.offset, last.item)

    def value(self, state: LastState) -> Plain | None:
        """Return the last value."""
        return state.item
