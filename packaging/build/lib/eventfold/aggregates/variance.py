"""Numerically stable variance."""

from msgspec import Struct

from eventfold.aggregates.exact import Exact, quotient
from eventfold.aggregates.fields import Field, FieldAggregate, numbers


class VarianceState(Struct, array_like=True, gc=False):
    """Exact Σ x and Σ x², and the number of values."""

    total: Exact
    #: Its `bits` are always twice those of `total`, since both are sums over the same numbers.
    squares: Exact
    count: int = 0

    @property
    def mean(self) -> float | None:
        """Arithmetic mean; None without a value."""
        return self.total.over(self.count) if self.count else None

    @property
    def sample(self) -> float | None:
        """Sample variance Σ (x - mean)² / (n - 1); None of fewer than two values."""
        return self._over(self.count * (self.count - 1))

    @property
    def population(self) -> float | None:
        """Population variance Σ (x - mean)² / n; None without a value."""
        return self._over(self.count * self.count)

    def _over(self, divisor: int) -> float | None:
        # n Σ x² - (Σ x)² = n Σ (x - mean)²
        if not divisor:
            return None
        deviations = self.count * self.squares.whole - self.total.whole * self.total.whole
        return quotient(deviations, divisor << self.squares.bits)


class Variance(FieldAggregate[VarianceState]):
    """Variance of a field; its value is the sample variance, None of fewer than two values.

    In floats, the textbook formula from Σ x and Σ x² loses all digits if the spread is small
    compared with the mean. The error of Welford's recurrence (Technometrics 4(3), 1962) and of the
    pairwise merge of Chan, Golub and LeVeque ("Algorithms for computing the sample variance", The
    American Statistician 37(3), 1983) depends on the order. Over exact sums the textbook formula
    loses nothing: the result is the exact one, rounded once.
    """

    state = VarianceState

    def __init__(self, field: Field) -> None:
        super().__init__(field, numbers)

    def zero(self) -> VarianceState:
        """Return an empty state."""
        return VarianceState(Exact(), Exact())

    def put(
        self,
        state: VarianceState,
        seen: float,
        time: int,  # noqa: ARG002
        offset: int,  # noqa: ARG002
    ) -> None:
        """Add a number."""
        whole, divisor = seen.as_integer_ratio()
        bits = divisor.bit_length() - 1
        state.total.add(whole, bits)
        state.squares.add(whole * whole, 2 * bits)
        state.count += 1

    def merge(self, left: VarianceState, right: VarianceState) -> VarianceState:
        """Return a state with the numbers of both."""
        return VarianceState(
            left.total + right.total, left.squares + right.squares, left.count + right.count
        )

    def value(self, state: VarianceState) -> float | None:
        """Return the sample variance; the population variance is `state.population`."""
        return state.sample
