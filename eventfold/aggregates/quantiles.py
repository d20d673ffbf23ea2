"""Approximate quantiles with a bounded relative error."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from heapq import nsmallest
from importlib import import_module
from itertools import accumulate
from typing import Any

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, name_of, numbers
from eventfold.extras import demand
from eventfold.windows.errors import DefinitionError

#: Most buckets of each sign: 14 decades of values at an accuracy of 0.001, 142 at 0.01.
MOST_BUCKETS = 16_384

#: Number of a bucket → how many values it holds.
Buckets = dict[int, int]


class QuantilesState(Struct, array_like=True, gc=False):
    """Histogram of the values: buckets of positive ones, buckets of negative ones, zeros."""

    above: Buckets
    below: Buckets
    zeros: int = 0


class Quantiles(FieldAggregate[QuantilesState]):
    """Quantiles `q` of a field, each within the relative error `accuracy`, by a DDSketch.

    The value is a list in the order of `q`. Each is a number within `accuracy` of the number with
    the rank ⌊q (n - 1)⌋, counted from 0; None without a value. Each `q` is from 0 to 1 and may be
    changed later, since it is not in the rows; `accuracy`, a fraction from 0.001 to 0.5, is. Raises
    DefinitionError for others, or if the library is not installed.

    Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
    guarantees", PVLDB 12(12), 2019. Buckets are those of DataDog's `ddsketch`, and results equal
    those of its `DDSketch`; only buckets that hold a value are stored. Above MOST_BUCKETS, those
    nearest to zero share one, and quantiles that fall into it are wrong.
    """

    state = QuantilesState

    def __init__(
        self, field: Field, accuracy: float = 0.01, q: Iterable[float] = (0.5, 0.9, 0.99)
    ) -> None:
        if type(accuracy) is not float or not 0.001 <= accuracy <= 0.5:
            raise DefinitionError(f"Quantiles: the accuracy is from 0.001 to 0.5, not {accuracy!r}")
        self.q = _checked(q)
        demand("ddsketch", "sketches", "Quantiles", DefinitionError)
        self._mapping = import_module("ddsketch").LogarithmicMapping(accuracy)
        self._bucket_of = self._mapping.key
        #: Numbers nearer to zero than this count as zero: 2.3e-308.
        self._least: float = self._mapping.min_possible
        #: Whether the value is the only quantile itself, instead of a list.
        self.is_single = False
        most = self._mapping.max_possible
        super().__init__(field, lambda field: _bounded(field, most), ((field, True),))
        self.field = f"{name_of(field)}, accuracy {accuracy}"

    def zero(self) -> QuantilesState:
        """Return an empty state."""
        return QuantilesState({}, {})

    def put(self, state: QuantilesState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Count a number in its bucket, or as a zero."""
        if seen > self._least:
            buckets, bucket = state.above, self._bucket_of(seen)
        elif seen < -self._least:
            buckets, bucket = state.below, self._bucket_of(-seen)
        else:
            state.zeros += 1
            return
        if bucket in buckets:
            buckets[bucket] += 1
        else:
            buckets[bucket] = 1
            _bound(buckets)

    def merge(self, left: QuantilesState, right: QuantilesState) -> QuantilesState:
        """Return a state with the numbers of both."""
        return QuantilesState(
            _merged(left.above, right.above),
            _merged(left.below, right.below),
            left.zeros + right.zeros,
        )

    def value(self, state: QuantilesState) -> Any:
        """Return the quantiles in the order of `q`; of `quantile` the only one."""
        answers = self._quantiles(state)
        return answers[0] if self.is_single else answers

    def _quantiles(self, state: QuantilesState) -> list[float | None]:
        below = sorted(state.below.items(), reverse=True)
        above = sorted(state.above.items())
        counts = [*(count for _, count in below), state.zeros, *(count for _, count in above)]
        reached = list(accumulate(counts))
        if not reached[-1]:
            return [None] * len(self.q)
        value, answers = self._mapping.value, list[float | None]()
        for q in self.q:
            index = bisect_right(reached, q * (reached[-1] - 1))
            if index < len(below):
                answers.append(-value(below[index][0]))
            else:
                index -= len(below) + 1
                answers.append(value(above[index][0]) if index >= 0 else 0.0)
        return answers


def quantile(field: Field, q: float = 0.5, *, accuracy: float = 0.01) -> Quantiles:
    """Return the aggregate of one quantile `q` of a field: its value is a number, not a list.

    Arguments and errors are those of `Quantiles`.

    >>> quantile("seconds", 0.95)
    Quantiles(seconds, accuracy 0.01) 1
    """
    made = Quantiles(field, accuracy, (q,))
    made.is_single = True
    return made


def _checked(q: Iterable[float]) -> tuple[float, ...]:
    given = tuple(q) if isinstance(q, Iterable) else (q,)
    wrong = [each for each in given if type(each) not in (int, float) or not 0 <= each <= 1]
    if wrong or not given:
        said = f"not {wrong[0]!r}" if wrong else "and at least one"
        raise DefinitionError(f"Quantiles: each q is a number from 0 to 1, {said}")
    return given


def _bounded(field: Field, most: float) -> Callable[[Any], float | None]:
    number_of, name = numbers(field), name_of(field)

    def read(record: Any) -> float | None:
        number = number_of(record)
        if number is not None and not -most <= number <= most:
            raise OverflowError(f"{name}: {number} is too large for a quantile")
        return number

    return read


def _merged(left: Buckets, right: Buckets) -> Buckets:
    few, many = (left, right) if len(left) < len(right) else (right, left)
    merged = many.copy()
    for bucket, count in few.items():
        merged[bucket] = merged.get(bucket, 0) + count
    _bound(merged)
    return merged


def _bound(buckets: Buckets) -> None:
    """Merge the lowest buckets into one if there are more than MOST_BUCKETS."""
    # The order of the values has no influence: a bucket that is among the highest in the end has
    # been among them all along, so it never got another's values.
    excess = len(buckets) - MOST_BUCKETS
    if excess > 0:
        *lowest, shared = nsmallest(excess + 1, buckets)
        buckets[shared] += sum(buckets.pop(bucket) for bucket in lowest)
