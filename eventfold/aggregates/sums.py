"""Sum and mean."""

from msgspec import Struct

from eventfold.aggregates.exact import Exact
from eventfold.aggregates.fields import Field, FieldAggregate, numbers


class SumState(Struct, array_like=True, gc=False):
    """Σ x."""

    total: Exact
    #: Whether a float was among them.
    real: bool = False

    @property
    def sum(self) -> float:
        """The sum: an exact int of ints, of any length; else the float next to the exact sum."""
        return self.total.over() if self.real else self.total.whole


class Sum(FieldAggregate[SumState]):
    """Σ of a field: of ints exact, of floats the exact sum, rounded once; 0 of nothing."""

    state = SumState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> SumState:
        """Give the state of no records."""
        return SumState(Exact())

    def put(self, state: SumState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Add a number."""
        whole, divisor = seen.as_integer_ratio()
        state.total.add(whole, divisor.bit_length() - 1)
        if type(seen) is float:
            state.real = True

    def merge(self, left: SumState, right: SumState) -> SumState:
        """Give the sum of both."""
        return SumState(left.total + right.total, left.real or right.real)

    def value(self, state: SumState) -> float:
        """Give the sum, an int if all numbers are."""
        return state.sum


class MeanState(Struct, array_like=True, gc=False):
    """Σ x and how many."""

    total: Exact
    count: int = 0

    @property
    def mean(self) -> float | None:
        """The arithmetic mean Σ x / n; None of nothing."""
        return self.total.over(self.count) if self.count else None


class Mean(FieldAggregate[MeanState]):
    """The arithmetic mean of a field, exact but for one rounding; None of nothing."""

    state = MeanState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> MeanState:
        """Give the state of no records."""
        return MeanState(Exact())

    def put(self, state: MeanState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Add a number."""
        whole, divisor = seen.as_integer_ratio()
        state.total.add(whole, divisor.bit_length() - 1)
        state.count += 1

    def merge(self, left: MeanState, right: MeanState) -> MeanState:
        """Give the state of the numbers of both."""
        return MeanState(left.total + right.total, left.count + right.count)

    def value(self, state: MeanState) -> float | None:
        """Give the mean."""
        return state.mean
