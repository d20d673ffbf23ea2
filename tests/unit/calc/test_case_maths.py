"""Maths of the use cases: distances, running moments, rhythms, lists of destinations."""

from math import log
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.beaconing.allowed import allow_list
from app.beaconing.detection import rhythm
from app.fraud.sphere import great_circle
from app.fraud.student import normal_score, student_score
from eventfold.operators.welford import Moments


@pytest.mark.parametrize(
    ("here", "there", "km"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (0, 180), 20_015),
        ((90, 0), (-90, 77), 20_015),
        ((52.52, 13.40), (48.86, 2.35), 878),  # Berlin, Paris
        ((35.68, 139.69), (40.71, -74.01), 10_849),  # Tokyo, New York: over the pole
    ],
)
def test_distances_are_those_of_an_atlas(
    here: tuple[float, float], there: tuple[float, float], km: float
) -> None:
    """Within half a percent, as on any sphere."""
    assert great_circle(*here, *there) == pytest.approx(km, rel=0.005)
    assert great_circle(*there, *here) == pytest.approx(great_circle(*here, *there))


@given(st.lists(st.floats(0.01, 1e6).map(log), min_size=2))
def test_running_moments_are_those_of_all_numbers(numbers: list[float]) -> None:
    """Mean and sample standard deviation, in one pass."""
    moments = Moments()
    for number in numbers:
        moments.add(number)
    assert moments.mean == pytest.approx(fmean(numbers))
    assert moments.deviation == pytest.approx(stdev(numbers), abs=1e-9)


@pytest.mark.parametrize(
    ("t", "freedom", "z"),
    [(2.262, 9, 1.960), (3.250, 9, 2.576), (4.781, 9, 3.291), (-2.776, 4, -1.960), (2.0, 10**6, 2)],
)
def test_a_score_is_as_rare_as_its_t(t: float, freedom: int, z: float) -> None:
    """By tables of both distributions."""
    assert normal_score(t, freedom) == pytest.approx(z, abs=0.01)


@given(st.floats(-12, 12), st.integers(4, 10_000))
def test_a_score_can_be_turned_back(z: float, freedom: int) -> None:
    """What is the farthest that is no alert is found so."""
    assert normal_score(student_score(z, freedom), freedom) == pytest.approx(z)


def test_a_clock_has_no_variation_and_missed_beats_are_counted() -> None:
    """A contact that did not come makes one interval of two beats."""
    assert rhythm([0, 60, 120, 180]) == (60, 0, 0)
    assert rhythm([0, 60, 120, 240, 300]) == (60, 0, 1)


@pytest.mark.parametrize("jitter", [0.01, 0.1, 0.2, 0.3])
def test_the_variation_of_a_jitter_is_that_of_a_uniform_distribution(jitter: float) -> None:
    """Jitter / sqrt(3), at 400 intervals."""
    random, times = Random(1), [0]
    for _ in range(400):
        times.append(times[-1] + round(100_000 * random.uniform(1 - jitter, 1 + jitter)))
    assert rhythm(times).variation == pytest.approx(jitter / 3**0.5, rel=0.2)


@pytest.mark.parametrize(
    ("destination", "is_allowed"),
    [
        ("time.example.org", True),
        ("TIME.Example.ORG", True),
        ("example.org", False),
        ("time.example.org.evil.com", False),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("2001:db8::7", True),
        ("192.0.2.1", True),
    ],
)
def test_a_list_names_hosts_patterns_and_networks(destination: str, *, is_allowed: bool) -> None:
    """Names in any case; addresses by network."""
    allowed = allow_list(["*.example.org", "10.0.0.0/8", "2001:db8::/32", "192.0.2.1"])
    assert allowed(destination) is is_allowed


def test_an_empty_list_allows_nothing() -> None:
    """Not even what has no name."""
    assert not allow_list([])("")


def test_a_network_that_is_none_is_refused() -> None:
    """When the settings are read, not at the first connection."""
    with pytest.raises(ValueError, match="10\\.0\\.0\\.0/99"):
        allow_list(["10.0.0.0/99"])
