"""First and last value by event time, whatever the order of arrival."""

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, Plain, numbers, plain
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


class ExtremeState(Struct, array_like=True, gc=False):
    """The least or greatest number so far; None without a value."""

    number: int | float | None = None


class Min(FieldAggregate[ExtremeState]):
    """Least number in a field; None without a value."""

    state = ExtremeState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def put(self, state: ExtremeState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Replace the number if the new one is less."""
        if state.number is None or seen < state.number:
            state.number = seen

    def merge(self, left: ExtremeState, right: ExtremeState) -> ExtremeState:
        """Return a state with the lesser of both numbers."""
        return _merge(self, left, right)

    def value(self, state: ExtremeState) -> float | None:
        """Return the number; None without a value."""
        return state.number


class Max(FieldAggregate[ExtremeState]):
    """Greatest number in a field; None without a value."""

    state = ExtremeState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def put(self, state: ExtremeState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Replace the number if the new one is greater."""
        if state.number is None or seen > state.number:
            state.number = seen

    def merge(self, left: ExtremeState, right: ExtremeState) -> ExtremeState:
        """Return a state with the greater of both numbers."""
        return _merge(self, left, right)

    def value(self, state: ExtremeState) -> float | None:
        """Return the number; None without a value."""
        return state.number


def _merge(
    extreme: FieldAggregate[ExtremeState], left: ExtremeState, right: ExtremeState
) -> ExtremeState:
    merged = ExtremeState(left.number)
    if right.number is not None:
        extreme.put(merged, right.number, 0, 0)
    return merged
