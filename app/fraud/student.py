"""Student's t as a normal deviate: a z-score for a mean and deviation of few observations.

Ten numbers are a poor estimate of their spread, so the eleventh may be far from them by chance: t
with 9 degrees of freedom is beyond 4 fifty times as often as a normal number. The score here is as
rare as its t. D. L. Wallace, "Bounds on normal approximations to Student's and the chi-square
distributions", Annals of Mathematical Statistics 30(4), 1959.
"""

from math import copysign, expm1, log1p, sqrt

#: Largest exponent of e: beyond some 709 the result overflows a float.
_LARGEST = 700.0


def normal_score(t: float, freedom: int) -> float:
    """Return the normal deviate that is as rare as `t` with `freedom` (>= 1) degrees of freedom."""
    return copysign(_shrink(freedom) * sqrt(freedom * log1p(t * t / freedom)), t)


def student_score(z: float, freedom: int) -> float:
    """Return the t whose `normal_score` is `z`: the inverse."""
    power = (z / _shrink(freedom)) ** 2 / freedom
    return copysign(sqrt(freedom * expm1(min(power, _LARGEST))), z)


def _shrink(freedom: int) -> float:
    return (8 * freedom + 1) / (8 * freedom + 3)
