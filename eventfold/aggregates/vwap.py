"""The volume-weighted average price."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from eventfold.aggregates.exact import Exact, quotient
from eventfold.aggregates.fields import Field, FieldAggregate, name_of, numbers


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
