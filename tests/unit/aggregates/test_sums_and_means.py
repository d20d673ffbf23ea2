"""Sums, means, variances: the results of exact arithmetic, rounded once."""

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from aggregate_laws import FINITE, NUMBERS, SIXTY_FOUR_BITS, Event, events_with, folded, value
from hypothesis import given
from hypothesis import strategies as st

from eventfold.aggregates import Count, Exact, Mean, Sum, Variance, Vwap

some_numbers = st.lists(NUMBERS, max_size=20)


def rounded(exact: Fraction) -> float:
    """Return the float next to a fraction; infinity beyond the greatest float."""
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


@given(st.lists(st.none() | NUMBERS))
def test_a_count_counts_records_or_values(numbers: list[Any]) -> None:
    """`Count()` all of them, `Count(field)` those that have one."""
    some = events_with(numbers)
    assert value(Count(), some) == len(numbers)
    assert value(Count("number"), some) == sum(number is not None for number in numbers)


@given(st.lists(SIXTY_FOUR_BITS, max_size=20))
def test_a_sum_of_ints_is_an_int(numbers: list[int]) -> None:
    """Exact, and beyond 64 bits: no sum is too large for a row."""
    total = value(Sum("whole"), events_with(numbers, "whole"))
    assert type(total) is int
    assert total == sum(numbers)


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_a_sum_of_floats_is_rounded_once(numbers: list[float]) -> None:
    """It is the float next to the exact sum, as `math.fsum` returns it where it can."""
    total = value(Sum("number"), events_with(numbers))
    assert type(total) is float
    assert total == rounded(sum(map(Fraction, numbers), Fraction()))


def test_sums_that_cancel_are_exact() -> None:
    """Floats added one by one would sum to 0.0, 2.0 or 1.0, depending on their order."""
    assert value(Sum("number"), events_with([1e16, 1.0, 1e300, -1e16, 1.0, -1e300])) == 2.0
    assert value(Sum("number"), events_with([0.1] * 10)) == math.fsum([0.1] * 10) == 1.0


def test_sum_beyond_the_floats_is_infinite_until_it_returns() -> None:
    """Finite numbers never make a record a dead letter, whatever came before it."""
    assert value(Sum("number"), events_with([1e308, 1e308])) == math.inf
    assert value(Sum("number"), events_with([1e308, 1e308, -1e308])) == 1e308
    assert value(Mean("number"), events_with([-1e308, -1e308])) == -1e308
    assert value(Variance("number"), events_with([1e308, -1e308])) == math.inf


@given(some_numbers)
def test_a_mean_is_rounded_once(numbers: list[float]) -> None:
    """Σ x / n, exactly, then the float next to it."""
    exact = Fraction(sum(map(Fraction, numbers), Fraction()), len(numbers) or 1)
    assert value(Mean("number"), events_with(numbers)) == (rounded(exact) if numbers else None)


@given(some_numbers)
def test_a_variance_is_rounded_once(numbers: list[float]) -> None:
    """Of the sample and of the population, as `statistics` computes them in fractions."""
    state = folded(Variance("number"), events_with(numbers))
    exact = [Fraction(number) for number in numbers]
    sample = rounded(statistics.variance(exact)) if len(exact) > 1 else None
    population = rounded(statistics.pvariance(exact)) if exact else None
    assert (state.sample, state.population) == (sample, population)
    assert state.mean == value(Mean("number"), events_with(numbers))


def test_variance_around_a_large_mean_is_exact() -> None:
    """Squares of floats have no digits left for so small a spread."""
    numbers = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]
    assert value(Variance("number"), events_with(numbers)) == 30.0


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 10**6)), max_size=20))
def test_a_vwap_is_rounded_once(trades: list[tuple[float, int]]) -> None:
    """Σ price·size / Σ size; None without volume."""
    some = [Event(0, at, number=price, size=size) for at, (price, size) in enumerate(trades)]
    volume = sum(size for _, size in trades)
    notional = sum((Fraction(price) * size for price, size in trades), Fraction())
    expected = rounded(notional / volume) if volume else None
    assert value(Vwap("number"), some) == expected


def test_a_vwap_weighs_prices_with_sizes() -> None:
    """Ten at 1.00 and thirty at 2.00 cost 1.75 each."""
    trades = [Event(0, 0, price=1.0, size=10), Event(0, 1, price=2.0, size=30)]
    assert value(Vwap(), trades) == 1.75


def test_a_negative_size_is_refused() -> None:
    """Before the price is counted."""
    state = Vwap().zero()
    with pytest.raises(ValueError, match=r"^size: -3 is negative$"):
        Vwap().add(state, Event(0, 0, size=-3), 0, 0)
    assert state == Vwap().zero()


@given(FINITE, FINITE)
def test_exact_number_is_restored_from_its_bytes(x: float, y: float) -> None:
    """However many bits it has; squares of the smallest floats have the most."""
    exact = Exact()
    for number in (x, y):
        whole, divisor = number.as_integer_ratio()
        exact.add(whole * whole, 2 * divisor.bit_length() - 2)
    again = Exact.from_bytes(exact.to_bytes())
    assert again == exact
    assert Fraction(again.whole, 1 << again.bits) == Fraction(x) ** 2 + Fraction(y) ** 2


@pytest.mark.parametrize(
    ("whole", "bits", "raw"),
    [
        (0, 0, b"\0\0\0"),
        (127, 1, b"\0\1\x7f"),
        (128, 256, b"\1\0\0\x80"),
        (-1, 2148, b"\x08\x64\xff"),
        (-129, 0, b"\0\0\xff\x7f"),
    ],
)
def test_bytes_of_an_exact_number_have_not_changed(whole: int, bits: int, raw: bytes) -> None:
    """Stored rows depend on them. As few as possible; 2,148 is the most bits of a square."""
    assert Exact(whole, bits).to_bytes() == raw
    assert Exact.from_bytes(raw) == Exact(whole, bits)


@pytest.mark.parametrize("raw", [b"\x08\x65\1", b"", b"\0", b"\0\0", b"\xff\xff\1"])
def test_bytes_that_are_no_exact_number_are_refused(raw: bytes) -> None:
    """Too few of them, or more bits behind the point than sums of floats can have."""
    with pytest.raises(ValueError, match="is no exact sum"):
        Exact.from_bytes(raw)


@pytest.mark.parametrize("make", [Sum, Mean, Variance])
def test_a_state_stays_small(make: Callable[[str], Any]) -> None:
    """It has as many bits as its numbers need: a few for prices, some hundreds at the worst."""
    aggregate = make("number")
    prices = folded(aggregate, events_with(round(1 + at / 100, 2) for at in range(10_000)))
    assert len(prices.total.to_bytes()) < 16
    worst = folded(aggregate, events_with([5e-324, 1.7e308] * 1000))
    assert len(worst.total.to_bytes()) < 300
