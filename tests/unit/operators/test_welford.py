"""Running mean and standard deviation (Welford), compared with those of all numbers."""

from math import log
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.operators.welford import Moments


@given(st.lists(st.floats(0.01, 1e6).map(log), min_size=2))
def test_running_moments_equal_those_of_all_numbers(numbers: list[float]) -> None:
    """Mean and sample standard deviation, in one pass."""
    moments = Moments()
    for number in numbers:
        moments.add(number)
    assert moments.mean == pytest.approx(fmean(numbers))
    assert moments.deviation == pytest.approx(stdev(numbers), abs=1e-9)
