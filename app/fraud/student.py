"""Student's t in standard deviations: how far off something is, where the usual is known little.

Ten numbers say little about their own spread, so the eleventh may be far from them by chance: t
with 9 degrees of freedom is beyond 4 fifty times as often as a normal number. The score here is as
rare as the t it stands for. D. L. Wallace, "Bounds on normal approximations to Student's and the
chi-square distributions", Annals of Mathematical Statistics 30(4), 1959.
"""

from math import copysign, expm1, log1p, sqrt

#: Beyond it e to that power is no float.
_LARGEST = 700.0


def normal_score(t: float, freedom: int) -> float:
    """Give the normal deviate that is as rare as `t` with so many degrees of freedom (>= 1)."""
    return copysign(_shrink(freedom) * sqrt(freedom * log1p(t * t / freedom)), t)


def student_score(z: float, freedom: int) -> float:
    """Give the t that `normal_score` makes `z` of."""
    power = (z / _shrink(freedom)) ** 2 / freedom
    return copysign(sqrt(freedom * expm1(min(power, _LARGEST))), z)


def _shrink(freedom: int) -> float:
    return (8 * freedom + 1) / (8 * freedom + 3)
