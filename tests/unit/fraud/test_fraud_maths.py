"""Maths of the fraud detection: distances on a sphere, and scores of Student's distribution."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fraud.detection import great_circle, normal_score, student_score


@pytest.mark.parametrize(
    ("start", "end", "km"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (0, 180), 20_015),
        ((90, 0), (-90, 77), 20_015),
        ((52.52, 13.40), (48.86, 2.35), 878),  # Berlin, Paris
        ((35.68, 139.69), (40.71, -74.01), 10_849),  # Tokyo, New York: over the pole
    ],
)
def test_great_circle_distances_are_those_of_an_atlas(
    start: tuple[float, float], end: tuple[float, float], km: float
) -> None:
    """Within half a percent, as on any sphere."""
    assert great_circle(*start, *end) == pytest.approx(km, rel=0.005)
    assert great_circle(*end, *start) == pytest.approx(great_circle(*start, *end))


@pytest.mark.parametrize(
    ("t", "freedom", "z"),
    [(2.262, 9, 1.960), (3.250, 9, 2.576), (4.781, 9, 3.291), (-2.776, 4, -1.960), (2.0, 10**6, 2)],
)
def test_normal_score_is_as_rare_as_its_t(t: float, freedom: int, z: float) -> None:
    """Compared with tables of both distributions."""
    assert normal_score(t, freedom) == pytest.approx(z, abs=0.01)


@given(st.floats(-12, 12), st.integers(4, 10_000))
def test_student_score_inverts_normal_score(z: float, freedom: int) -> None:
    """The largest deviation without an alert is computed by it."""
    assert normal_score(student_score(z, freedom), freedom) == pytest.approx(z)
