"""Minimum and maximum."""

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, numbers


class ExtremeState(Struct, array_like=True, gc=False):
    """The least or greatest number so far; None without a value."""

    number: int | float | None = None


class Min(FieldAggregate[ExtremeState]):
    """Least number in a field; None without a value."""

    state = ExtremeState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> ExtremeState:
        """Return an empty state."""
        return ExtremeState()

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

    def zero(self) -> ExtremeState:
        """Return an empty state."""
        return ExtremeState()

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
