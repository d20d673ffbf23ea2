"""Sum and mean."""

from msgspec import Struct

from eventfold.aggregates.exact import Exact
from eventfold.aggregates.fields import Field, FieldAggregate, numbers


class SumState(Struct, array_like=True, gc=False):
    """Exact Σ x."""

    total: Exact
    #: Whether any number is a float.
    real: bool = False

    @property
    def sum(self) -> float:
        """Sum: of ints an exact int of any length, otherwise the float nearest to the exact sum."""
        return self.total.over() if self.real else self.total.whole


class Sum(FieldAggregate[SumState]):
    """Sum of a field: exact for ints, for floats the exact sum rounded once; 0 without a value."""

    state = SumState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> SumState:
        """Return an empty state."""
        return SumState(Exact())

    def put(self, state: SumState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Add a number."""
        whole, divisor = seen.as_integer_ratio()
        state.total.add(whole, divisor.bit_length() - 1)
        if type(seen) is float:
            state.real = True

    def merge(self, left: SumState, right: SumState) -> SumState:
        """Return a state with the numbers of both."""
        return SumState(left.total + right.total, left.real or right.real)

    def value(self, state: SumState) -> float:
        """Return the sum, which is an int if all numbers are."""
        return state.sum


class MeanState(Struct, array_like=True, gc=False):
    """Exact Σ x, and the number of values."""

    total: Exact
    count: int = 0

    @property
    def mean(self) -> float | None:
        """Arithmetic mean Σ x / n; None without a value."""
        return self.total.over(self.count) if self.count else None


class Mean(FieldAggregate[MeanState]):
    """Arithmetic mean of a field, exact except for one rounding; None without a value."""

    state = MeanState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> MeanState:
        """Return an empty state."""
        return MeanState(Exact())

    def put(self, state: MeanState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Add a number."""
        whole, divisor = seen.as_integer_ratio()
        state.total.add(whole, divisor.bit_length() - 1)
        state.count += 1

    def merge(self, left: MeanState, right: MeanState) -> MeanState:
        """Return a state with the numbers of both."""
        return MeanState(left.total + right.total, left.count + right.count)

    def value(self, state: MeanState) -> float | None:
        """Return the mean."""
        return state.mean
