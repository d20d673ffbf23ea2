"""Minimum and maximum."""

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, numbers


class ExtremeState(Struct, array_like=True, gc=False):
    """The least or greatest number so far; None without a value."""

    number: int | float | None = None


class _Extreme(FieldAggregate[ExtremeState]):
    state = ExtremeState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> ExtremeState:
        """Return an empty state."""
        return ExtremeState()

    def merge(self, left: ExtremeState, right: ExtremeState) -> ExtremeState:
        """Return a state with the lesser (`Min`) or greater (`Max`) of both numbers."""
        merged = ExtremeState(left.number)
        if right.number is not None:
            self.put(merged, right.number, 0, 0)
        return merged

    def value(self, state: ExtremeState) -> float | None:
        """Return the number; None without a value."""
        return state.number


class Min(_Extreme):
    """Least number in a field; None without a value."""

    def put(self, state: ExtremeState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Replace the number if the new one is less."""
        if state.number is None or seen < state.number:
            state.number = seen


class Max(_Extreme):
    """Greatest number in a field; None without a value."""

    def put(self, state: ExtremeState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Replace the number if the new one is greater."""
        if state.number is None or seen > state.number:
            state.number = seen
