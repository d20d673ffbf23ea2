"""Quantiles, within a relative accuracy."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from heapq import nsmallest
from itertools import accumulate
from typing import Any

from msgspec import Struct

from eventfold.aggregates.extras import needed
from eventfold.aggregates.fields import Field, FieldAggregate, name_of, numbers
from eventfold.windows.errors import DefinitionError

#: Buckets kept of each sign: 14 decades of values at an accuracy of 0.001, 142 at 0.01.
MOST_BUCKETS = 16_384

#: Of a bucket, by its number, how many values it holds.
Buckets = dict[int, int]


class QuantilesState(Struct, array_like=True, gc=False):
    """How many values fell into which bucket, positive and negative ones, and how many are 0."""

    above: Buckets
    below: Buckets
    zeros: int = 0


class Quantiles(FieldAggregate[QuantilesState]):
    """Quantiles `q` of a field, each within `accuracy`, by a DDSketch.

    The value is a list, in the order of `q`: for each a number within `accuracy`, relative, of
    the number of rank ⌊q (n - 1)⌋, counted from 0; None of nothing. `q` may be changed, it is not
    in the rows; `accuracy` is, from 0.001 to 0.5. Raises DefinitionError for others, and where the
    library isn't installed.

    Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
    guarantees", PVLDB 12(12), 2019. Buckets are those of DataDog's `ddsketch`, and the answers
    are the ones its `DDSketch` gives; kept are those buckets that hold something. Above
    MOST_BUCKETS those nearest to zero share one, and quantiles that fall there are wrong.
    """

    state = QuantilesState

    def __init__(
        self, field: Field, accuracy: float = 0.01, q: Iterable[float] = (0.5, 0.9, 0.99)
    ) -> None:
        if type(accuracy) is not float or not 0.001 <= accuracy <= 0.5:
            raise DefinitionError(f"Quantiles: the accuracy is from 0.001 to 0.5, not {accuracy!r}")
        self.q = _checked(q)
        self._mapping = needed("ddsketch", "Quantiles").LogarithmicMapping(accuracy)
        self._bucket_of = self._mapping.key
        #: What is nearer to zero counts as zero, 2.3e-308.
        self._least: float = self._mapping.min_possible
        super().__init__(field, lambda field: _bounded(field, self._mapping.max_possible))
        self.field = f"{name_of(field)}, accuracy {accuracy}"

    def zero(self) -> QuantilesState:
        """Give the state of no records."""
        return QuantilesState({}, {})

    def put(self, state: QuantilesState, seen: float, time: int, offset: int) -> None:  # noqa: ARG002
        """Count a number in its bucket."""
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
        """Give the state of the numbers of both."""
        return QuantilesState(
            _merged(left.above, right.above),
            _merged(left.below, right.below),
            left.zeros + right.zeros,
        )

    def value(self, state: QuantilesState) -> list[float | None]:
        """Give the quantiles, in the order of `q`."""
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
    """Let the lowest buckets share one if there are too many.

    Which ones, and what they hold then, depends on the values alone: a bucket among the highest
    once all values are there has always been among them, so that it never got another's.
    """
    excess = len(buckets) - MOST_BUCKETS
    if excess > 0:
        *lowest, shared = nsmallest(excess + 1, buckets)
        buckets[shared] += sum(buckets.pop(bucket) for bucket in lowest)
