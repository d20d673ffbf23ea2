"""Quantiles: equal to DataDog's sketch, within the accuracy, in a row that stays small."""

from math import inf, nextafter
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from aggregate_laws import NUMBERS, Event, events_with, folded, merged_at_random, row, value
from ddsketch import DDSketch
from hypothesis import example, given
from hypothesis import strategies as st

from eventfold.aggregates import Quantiles, quantiles, value_of
from eventfold.windows.errors import DefinitionError

QS = (0, 0.01, 0.25, 0.5, 0.9, 0.99, 1)
MOST_BUCKETS = f"{quantiles.__name__}.MOST_BUCKETS"


@given(st.lists(st.floats(-1e9, 1e9) | st.integers(-5, 5), max_size=40), st.integers(0, 1000))
def test_quantiles_equal_those_of_the_library(numbers: list[float], thousandths: int) -> None:
    """Exactly, also of negative numbers and zeros.

    The library rounds the rank of a negative number twice, so a q beside 1 differs from itself.
    """
    q = thousandths / 1000
    sketch = DDSketch(0.02)
    for number in numbers:
        sketch.add(number)
    assert value(Quantiles("number", 0.02, q=(q,)), events_with(numbers)) == [
        sketch.get_quantile_value(q)
    ]


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.sampled_from([0.001, 0.01, 0.2]))
def test_each_quantile_is_within_the_accuracy(numbers: list[float], accuracy: float) -> None:
    """Compared with the number of rank ⌊q (n - 1)⌋."""
    numbers = [number for number in numbers if abs(number) < 1e307]
    answers = value(Quantiles("number", accuracy, q=QS), events_with(numbers))
    ascending = sorted(numbers)
    for q, answer in zip(QS, answers, strict=True):
        if not numbers:
            assert answer is None
        else:
            exact = ascending[int(q * (len(numbers) - 1))]
            assert abs(answer - exact) <= accuracy * abs(exact) * (1 + 1e-9) + 1e-307


@pytest.mark.parametrize("accuracy", [0.001, 0.01, 0.05])
def test_a_hundred_thousand_values_are_within_the_accuracy(accuracy: float) -> None:
    """Latencies over five decades, in ten panes that are merged in any order."""
    random = Random(1)
    numbers = [random.lognormvariate(3, 1.5) for _ in range(100_000)]
    aggregate = Quantiles("number", accuracy, q=QS)
    panes = [folded(aggregate, events_with(numbers[at::10])) for at in range(10)]
    state = merged_at_random(aggregate, panes, random)
    assert state == folded(aggregate, events_with(numbers))
    ascending = sorted(numbers)
    expected = [ascending[int(q * (len(numbers) - 1))] for q in QS]
    assert value_of(aggregate, state) == pytest.approx(expected, rel=accuracy * (1 + 1e-9))
    assert len(row(aggregate, state)) < 30 / accuracy


@given(st.lists(NUMBERS, max_size=40), st.randoms(use_true_random=False))
@example([10.0**n for n in range(9)] + [-(2.0**n) for n in range(5)], Random(1))
def test_excess_buckets_are_merged_into_the_lowest(numbers: list[float], random: Random) -> None:
    """Which are merged depends on the values alone, and the highest stay unchanged."""
    numbers = [number for number in numbers if abs(number) < 1e307]
    aggregate = Quantiles("number", q=(1,))
    unbounded = folded(aggregate, events_with(numbers))
    with patch(MOST_BUCKETS, 4):
        state = folded(aggregate, events_with(numbers))
        parts = [folded(aggregate, events_with(numbers[at::3])) for at in range(3)]
        assert merged_at_random(aggregate, parts, random) == state
        shuffled = random.sample(numbers, len(numbers))
        assert folded(aggregate, events_with(shuffled)) == state
    for few, all_ in ((state.above, unbounded.above), (state.below, unbounded.below)):
        assert sorted(few) == sorted(all_)[-4:]
        assert sum(few.values()) == sum(all_.values())
        for bucket in sorted(few)[1:]:
            assert few[bucket] == all_[bucket]


def test_an_outlier_takes_one_bucket() -> None:
    """The empty ones in between are not stored."""
    aggregate = Quantiles("number")
    state = folded(aggregate, events_with([1e-300, 1.0, 1e300]))
    assert len(row(aggregate, state)) < 30
    assert value_of(aggregate, state)[0] == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("sign", [-1, 1])
def test_largest_number_of_the_mapping_is_accepted_and_the_next_is_not(sign: int) -> None:
    """On either side of zero."""
    aggregate = Quantiles("number")
    most = aggregate._mapping.max_possible
    read = quantiles._bounded("number", most)
    assert read(SimpleNamespace(number=sign * most)) == sign * most
    assert read(SimpleNamespace(number=None)) is None
    with pytest.raises(OverflowError):
        read(SimpleNamespace(number=sign * nextafter(most, inf)))


def test_number_too_large_for_a_quantile_is_rejected() -> None:
    """The value of its bucket would be beyond the floats."""
    state = Quantiles("number").zero()
    with pytest.raises(OverflowError, match=r"^number: 1.79e\+308 is too large for a quantile$"):
        Quantiles("number").add(state, Event(0, 0, number=1.79e308), 0, 0)
    assert state == Quantiles("number").zero()


@pytest.mark.parametrize("accuracy", [0.001, 0.5])
def test_smallest_and_largest_accuracy_are_accepted(accuracy: float) -> None:
    """Both bounds are inclusive, and so are those of q."""
    aggregate = Quantiles("number", accuracy, q=(0, 1))
    assert value(aggregate, events_with([-7.0, 3.0])) == pytest.approx([-7, 3], rel=accuracy)


@pytest.mark.parametrize("accuracy", [0, 0.0009, 0.51, 1, -0.1, "0.01", None, float("nan")])
def test_an_accuracy_out_of_range_is_rejected(accuracy: Any) -> None:
    """In one line."""
    with pytest.raises(DefinitionError) as caught:
        Quantiles("number", accuracy=accuracy)
    assert str(caught.value) == (f"Quantiles: the accuracy is from 0.001 to 0.5, not {accuracy!r}")


@pytest.mark.parametrize(
    ("q", "problem"),
    [
        ((), "and at least one"),
        (0.5, None),
        (99, "not 99"),
        ((0.5, 1.01), "not 1.01"),
        ((-0.1,), "not -0.1"),
        ((float("nan"),), "not nan"),
        (("0.5",), "not '0.5'"),
        ((True,), "not True"),
    ],
)
def test_an_invalid_q_is_rejected(q: Any, problem: str | None) -> None:
    """In one line; a single q needs no tuple."""
    if problem is None:
        assert Quantiles("number", q=q).q == (q,)
        return
    with pytest.raises(DefinitionError) as caught:
        Quantiles("number", q=q)
    assert str(caught.value) == f"Quantiles: each q is a number from 0 to 1, {problem}"
