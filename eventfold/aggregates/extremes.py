"""Least and greatest."""

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, numbers


class ExtremeState(Struct, array_like=True, gc=False):
    """A number, None of nothing."""

    number: int | float | None = None


class _Extreme(FieldAggregate[ExtremeState]):
    state = ExtremeState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> ExtremeState:
        """Give the state of no records."""
        return ExtremeState()

    def merge(self, left: ExtremeState, right: ExtremeState) -> ExtremeState:
        """Give the state of the numbers of both."""
        merged = ExtremeState(left.number)
        if right.number is not None:
            self.put(merged, right.number, 0, 0)
        return merged

    def value(self, state: ExtremeState) -> float | None:
        """Give the number; None of nothing."""
        return state.number


class Min(_Extreme):
    """The least number in a field; None of nothing."""

    def put(self, state: ExtremeState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Keep a number if it is less."""
        if state.number is None or seen < state.number:
            state.number = seen


class Max(_Extreme):
    """The greatest number in a field; None of nothing."""

    def put(self, state: ExtremeState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Keep a number if it is greater."""
        if state.number is None or seen > state.number:
            state.number = seen
