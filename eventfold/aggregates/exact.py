"""Sums without rounding, equal to the last bit in any order."""

from math import inf
from reprlib import repr as shortened
from typing import Self

#: Bits behind the point of the smallest float, 2**-1074, squared (IEEE 754, binary64).
MOST_BITS = 2 * 1074


class Exact:
    """Exact sum of floats, or of products of two floats: the number `whole / 2**bits`.

    Each float is a whole number over a power of two, so integers of any length hold such sums
    exactly. Float sums depend on the order of the additions (Goldberg: "What every computer
    scientist should know about floating-point arithmetic", ACM Computing Surveys 23(1), 1991).
    Exact sums do not; they are rounded once, when they are read.

    >>> total = Exact()
    >>> for number in (1e100, 1.0, -1e100):
    ...     whole, divisor = number.as_integer_ratio()
    ...     total.add(whole, divisor.bit_length() - 1)
    >>> total.over()
    1.0
    """

    __slots__ = ("bits", "whole")

    def __init__(self, whole: int = 0, bits: int = 0) -> None:
        self.whole = whole
        self.bits = bits

    def add(self, whole: int, bits: int) -> None:
        """Add `whole / 2**bits`."""
        more = bits - self.bits
        if more > 0:
            self.whole = (self.whole << more) + whole
            self.bits = bits
        elif more:
            self.whole += whole << -more
        else:
            self.whole += whole

    def __add__(self, other: Self) -> "Exact":
        total = Exact(self.whole, self.bits)
        total.add(other.whole, other.bits)
        return total

    def over(self, count: int = 1) -> float:
        """Return the float nearest to this number over `count`; infinite beyond a float's range."""
        return quotient(self.whole, count << self.bits)

    def to_bytes(self) -> bytes:
        """Return `bits` (2 bytes, big endian), then `whole` (two's complement, big endian)."""
        length = self.whole.bit_length() // 8 + 1
        return self.bits.to_bytes(2, "big") + self.whole.to_bytes(length, "big", signed=True)

    @classmethod
    def from_bytes(cls, raw: bytes, /) -> "Exact":
        """Parse the bytes of `to_bytes`. Raises ValueError for bytes it can't have returned."""
        bits = int.from_bytes(raw[:2], "big")
        if len(raw) < 3 or bits > MOST_BITS:
            raise ValueError(f"{shortened(raw)} is no exact sum")
        return cls(int.from_bytes(raw[2:], "big", signed=True), bits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Exact):
            return NotImplemented
        return (self.whole, self.bits) == (other.whole, other.bits)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return f"Exact({self.whole}, {self.bits})"


def quotient(dividend: int, divisor: int) -> float:
    """Return the float nearest to `dividend / divisor` (> 0); infinite beyond a float's range."""
    try:
        return dividend / divisor
    except OverflowError:
        return inf if dividend > 0 else -inf
