"""Baseline of a sensor: level, spread and daily cycle, learnt from its own past.

No library is used: `river` has such estimators, but it brings NumPy, SciPy and pandas, and its
state is pickled Python, no row of a changelog.
"""

from math import exp, log, sqrt

from msgspec import Struct, field

HOUR, DAY = 3_600_000, 86_400_000
#: Time (ms) after which a reading has lost 63 % of its weight, and for which false alarms are
#: counted: four weeks have all shifts and weekends of a plant, and wear is seldom slower.
MEMORY = 28 * DAY
#: A sensor that reports seldom keeps the weight of at least so many readings.
FEWEST = 500
#: Largest distance from the baseline (standard deviations) that one reading counts.
FARTHEST = 3.0
#: Smallest standard deviation, as a fraction of the mean and absolute: sensors are no finer.
FINEST, SMALLEST = 1e-4, 1e-9
#: Age (ms) from which a baseline has a daily cycle: a single day is no pattern.
CYCLE_AGE = 3 * DAY
#: Smallest limit of a drift. Siegmund's is for an exact baseline, and 120 readings are not exact.
LOWEST_LIMIT = 12.0
#: Siegmund's correction of the limit for sums that change in steps.
OVERSHOOT = 1.166
#: Rounds in which the equation of the limit converges.
ROUNDS = 8


class Baseline(Struct, array_like=True):
    """Level, variance and daily cycle of a sensor, and how much its readings depend on each other.

    All are exponentially weighted means: readings of the last four weeks count most. A reading
    farther than FARTHEST standard deviations counts as one at that distance, so an anomaly is
    learnt slowly, and a level that lasts becomes the usual one (P. J. Huber, "Robust estimation
    of a location parameter", Annals of Mathematical Statistics 35(1), 1964).
    """

    #: Times (ms) of the first and the latest reading.
    since: int = 0
    last: int = 0
    #: Number of readings, and their remaining weight.
    count: int = 0
    weight: float = 0.0
    level: float = 0.0
    variance: float = 0.0
    #: Moving mean of the latest distances from the baseline, and its own mean square.
    recent: float = 0.0
    recent_square: float = 0.0
    #: Mean distance from the level in each hour of the day (UTC); empty if it is not learnt.
    hours: list[float] = field(default_factory=list)

    def expected(self, time: int) -> float:
        """Return the usual reading at a time (ms)."""
        return self.level + self._cycle(time)

    @property
    def deviation(self) -> float:
        """The standard deviation around the expected reading, no finer than a sensor is."""
        return no_finer(self.level, sqrt(self.variance))

    def learn(self, value: float, time: int, *, first: int, window: int, fixed: bool) -> None:
        """Add a reading.

        The `first` readings count as they are. `window` is the number of readings in the moving
        mean of distances. If `fixed`, level and variance are those of the first readings.
        """
        if self.count == 0:
            self.since = self.last = time
            self.level = value
        distance = value - self.expected(time)
        if self.count >= first:
            farthest = FARTHEST * self.deviation
            distance = max(-farthest, min(farthest, distance))
        self._age(time)
        if not fixed or self.count <= first:
            self._update(distance, time, cycle=not fixed)
        self.recent += (distance - self.recent) / min(self.count, window)
        if self.count > window:
            share = 1 / max(1.0, self.weight - window)
            self.recent_square += (self.recent**2 - self.recent_square) * share

    def _age(self, time: int) -> None:
        """Count a reading, and reduce the weight of those before it."""
        kept = max(exp((self.last - time) / MEMORY), 1 - 1 / FEWEST)
        self.last = time
        self.count += 1
        self.weight = self.weight * kept + 1

    def _update(self, distance: float, time: int, *, cycle: bool) -> None:
        usual = self._cycle(time)
        share = 1 / self.weight
        step = distance * share
        self.level += step
        self.variance += (distance * (distance - step) - self.variance) * share
        if cycle:
            self.hours = self.hours or [0.0] * 24
            hour = time // HOUR % 24
            visits = max(1.0, self.weight / 24)
            self.hours[hour] += (usual + distance - step - self.hours[hour]) / visits

    def _cycle(self, time: int) -> float:
        """Return the usual distance from the level at this hour of the day.

        It is reduced by the fraction of its variance that would be there by chance, all of it for
        a sensor without a cycle (W. James, C. Stein, "Estimation with quadratic loss", Proceedings
        of the Fourth Berkeley Symposium 1, 1961; with the positive part).
        """
        age = self.last - self.since
        if not self.hours or age < CYCLE_AGE:
            return 0.0
        mean = sum(self.hours) / 24
        variance = sum((each - mean) ** 2 for each in self.hours) / 23
        chance = self.variance / (min(age, MEMORY) / DAY)
        if variance <= chance:
            return 0.0
        return (1 - chance / variance) * (self.hours[time // HOUR % 24] - mean)

    def dependence(self, window: int) -> float:
        """Return the number of readings that say as much as one independent reading, at least 1.

        It is the variance of the moving mean over what it would be if readings were independent,
        and so at most about 2 `window` (N. F. Zhang, "A statistical control chart for stationary
        process data", Technometrics 40(1), 1998).
        """
        share = 1 / window
        independent = self.deviation**2 * share / (2 - share)
        return max(1.0, self.recent_square / independent)

    def drift_limit(self, slack: float, window: int) -> float:
        """Return the limit of CUSUM's sum that a steady sensor exceeds once in four weeks.

        `slack` is CUSUM's k. The mean time between false alarms is by D. Siegmund, "Sequential
        Analysis", Springer, 1985: (e^x - x - 1) / (2 k^2) readings, x = 2 k (h + 1.166), halved
        since there are two sums. Readings that depend on each other count as that many fewer, each
        of which adds up that much more.
        """
        readings = MEMORY * self.count / max(1, self.last - self.since)
        dependence = self.dependence(window)
        target = 4 * slack**2 * readings / dependence
        exponent = log(1 + target)
        for _ in range(ROUNDS):
            exponent = log(1 + target + exponent)
        return max(LOWEST_LIMIT, dependence * exponent / (2 * slack) - OVERSHOOT)


def no_finer(mean: float, deviation: float) -> float:
    """Return a standard deviation that is not smaller than a sensor can measure."""
    return max(deviation, FINEST * abs(mean), SMALLEST)
