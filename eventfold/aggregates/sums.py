"""Sum and mean."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from eventfold.aggregates.exact import Exact, quotient
from eventfold.aggregates.fields import Field, FieldAggregate, getter, name_of, numbers


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


class CountState(Struct, array_like=True, gc=False):
    """Number of records."""

    count: int = 0


class Count(FieldAggregate[CountState]):
    """Number of records, or, with a field, of the records in which it is not None."""

    state = CountState

    def __init__(self, field: Field | None = None) -> None:
        if field is None:
            super().__init__(_any, getter, ())
            self.field = ""
        else:
            super().__init__(field, _present)

    def put(self, state: CountState, seen: bool, time: int, offset: int) -> None:  # noqa: ARG002
        """Count one record."""
        state.count += 1

    def merge(self, left: CountState, right: CountState) -> CountState:
        """Return a state with the sum of both counts."""
        return CountState(left.count + right.count)

    def value(self, state: CountState) -> int:
        """Return the number of records."""
        return state.count


def _any(_record: Any) -> bool:
    return True


def _present(field: Field) -> Callable[[Any], bool | None]:
    get = getter(field)
    return lambda record: None if get(record) is None else True


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


class VwapState(Struct, array_like=True, gc=False):
    """Exact Σ price·size and Σ size."""

    notional: Exact
    volume: Exact

    @property
    def vwap(self) -> float | None:
        """Σ price·size / Σ size; None without volume."""
        notional, volume = self.notional, self.volume
        if not volume.whole:
            return None
        return quotient(notional.whole << volume.bits, volume.whole << notional.bits)


class Vwap(FieldAggregate[VwapState]):
    """Mean of prices weighted with sizes, exact except for one rounding; None without volume.

    It computes any weighted mean: `Vwap("temperature", "seconds")`. Records without a price or
    without a size are skipped. `add` raises ValueError for a negative size.
    """

    state = VwapState

    def __init__(self, price: Field = "price", size: Field = "size") -> None:
        super().__init__(price, lambda field: _weighted(field, size), ((price, True), (size, True)))
        self.field = f"{name_of(price)}, {name_of(size)}"

    def zero(self) -> VwapState:
        """Return an empty state."""
        return VwapState(Exact(), Exact())

    def put(
        self,
        state: VwapState,
        seen: tuple[float, float],
        time: int,  # noqa: ARG002
        offset: int,  # noqa: ARG002
    ) -> None:
        """Add a price with its size."""
        price, size = seen
        whole, divisor = price.as_integer_ratio()
        weight, weight_divisor = size.as_integer_ratio()
        bits = weight_divisor.bit_length() - 1
        state.notional.add(whole * weight, divisor.bit_length() - 1 + bits)
        state.volume.add(weight, bits)

    def merge(self, left: VwapState, right: VwapState) -> VwapState:
        """Return a state with the prices of both."""
        return VwapState(left.notional + right.notional, left.volume + right.volume)

    def value(self, state: VwapState) -> float | None:
        """Return the weighted mean."""
        return state.vwap


def _weighted(price: Field, size: Field) -> Callable[[Any], tuple[float, float] | None]:
    price_of, size_of, name = numbers(price), numbers(size), name_of(size)

    def read(record: Any) -> tuple[float, float] | None:
        each, weight = price_of(record), size_of(record)
        if each is None or weight is None:
            return None
        if weight < 0:
            raise ValueError(f"{name}: {weight} is negative")
        return each, weight

    return read
