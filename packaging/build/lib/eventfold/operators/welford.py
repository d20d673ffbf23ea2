"""Mean and standard deviation of numbers that come one by one, in constant space."""

from math import sqrt

from msgspec import Struct


class Moments(Struct, array_like=True, gc=False):
    """How many numbers, their mean, and the sum of their squared distances from it.

    B. P. Welford, "Note on a method for calculating corrected sums of squares and products",
    Technometrics 4(3), 1962. Rounding depends on the order of the numbers, not on batches: use
    it where the order is that of event time.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, number: float) -> None:
        """Take a number in."""
        self.count += 1
        distance = number - self.mean
        self.mean += distance / self.count
        self.squares += distance * (number - self.mean)

    @property
    def deviation(self) -> float:
        """The sample standard deviation; 0 of less than two numbers."""
        return sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0
