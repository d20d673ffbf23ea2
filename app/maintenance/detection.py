"""Detection of machines that drift, jump or are silent, each compared with its own readings."""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

from msgspec import Struct, field

from app.maintenance.baseline import DAY, FARTHEST, Baseline, no_finer
from app.maintenance.intervals import learnt_silence, remember
from app.maintenance.records import Maintenance, Reading
from app.maintenance.settings import MaintenanceSettings
from eventfold.operators.processor import Context
from eventfold.operators.recent_alerts import announce
from eventfold.operators.reorder_buffer import InOrder, Waiting
from eventfold.windows.durations import approximate_duration

#: Most sensors of a machine; further ones are ignored.
MOST_SENSORS = 64
#: Readings from which a baseline is learnt before anything is compared with it.
FIRST = 120
#: Standard deviations: a reading farther than this from its window is a spike, if it is rare.
FAR = 6.0
#: A sensor with more than one such reading in so many, and a few, always jumps: none is a spike.
RARE, FEW = 500, 2


class SensorState(Struct):
    """State of one sensor of a machine: less than 1 kB with the default window."""

    baseline: Baseline = field(default_factory=Baseline)
    #: Sums above and below the baseline, in standard deviations (CUSUM).
    above: float = 0.0
    below: float = 0.0
    #: The limit of the sums, learnt when both were last below FARTHEST.
    limit: float = 0.0
    #: Its latest readings, oldest first.
    window: list[float] = field(default_factory=list)
    #: Times (ms) at which its last drift and spike were published.
    drift: int | None = None
    spike: int | None = None
    #: Time (ms) for which the same drift is not published again.
    pause: int = 0
    #: Readings far from their window; they lose weight as those of the baseline do.
    outliers: float = 0.0


class MachineState(Struct):
    """State of a machine."""

    machine: str
    waiting: list[Waiting[Reading]] = field(default_factory=list)
    sensors: dict[str, SensorState] = field(default_factory=dict)
    #: Time (ms) and offset of its newest reading.
    last: int | None = None
    offset: int = -1
    #: Its latest intervals between readings (ms), oldest first.
    intervals: list[int] = field(default_factory=list)
    silent: bool = False


class Finding(NamedTuple):
    """Finding about a machine that is to be published: fields of a Maintenance record."""

    kind: str
    time: int
    value: float
    limit: float
    explanation: str
    sensor: str | None = None
    reading: float | None = None
    mean: float | None = None
    deviation: float | None = None


class Measure(NamedTuple):
    """One value of a reading."""

    sensor: str
    value: float
    time: int


class Watch(InOrder[MachineState, Reading]):
    """Processor that compares a machine's readings with its earlier ones, and detects silence."""

    def __init__(self, limits: MaintenanceSettings) -> None:
        self.limits = limits

    def new(self, key: str) -> MachineState:
        """Return the state of a machine without readings."""
        return MachineState(key)

    # -- silence

    def due(self, state: MachineState) -> int | None:
        """Return when (ms) the machine will count as silent; None if it is, or has no reading."""
        if state.silent or state.last is None:
            return None
        return state.last + self._silence(state)

    def _silence(self, state: MachineState) -> int:
        return self.limits.maintenance_silence or learnt_silence(state.intervals)

    def pass_due(self, state: MachineState, due: int, context: Context) -> None:
        """Publish that the machine is silent, once."""
        state.silent = True
        limit = self._silence(state)
        words = f"no reading for {approximate_duration(limit)}"
        _tell(state, Finding("silence", due, float(limit), float(limit), words), context)

    def _hear(self, state: MachineState, event: Waiting[Reading], context: Context) -> None:
        time, before = event[0], state.last
        state.last = time if before is None else max(before, time)
        state.offset = event[1]
        if before is None:
            return
        limit = self._silence(state)
        remember(state.intervals, time - before, limit)
        if state.silent:
            state.silent = False
            silence = float(time - before)
            words = f"readings again, after a silence of {approximate_duration(time - before)}"
            _tell(state, Finding("back", time, silence, float(limit), words), context)

    # -- readings

    def handle(self, state: MachineState, event: Waiting[Reading], context: Context) -> None:
        """Check each value for spike and drift, and publish the findings."""
        time, _, reading = event
        self._hear(state, event, context)
        if reading.serviced:
            state.sensors.clear()
        for name, value in reading.values.items():
            if value is not None and (name in state.sensors or len(state.sensors) < MOST_SENSORS):
                sensor = state.sensors.setdefault(name, SensorState())
                measure = Measure(name, value, time)
                found = self._compare(sensor, measure), self._add_up(sensor, measure)
                self._learn(sensor, measure)
                for each in filter(None, found):
                    _tell(state, each, context)

    def _learn(self, sensor: SensorState, measure: Measure) -> None:
        fixed, baseline = self.limits.maintenance_baseline, sensor.baseline
        before = baseline.weight
        baseline.learn(
            *(measure.value, measure.time),
            first=fixed or FIRST,
            window=self.limits.maintenance_window,
            fixed=fixed is not None,
        )
        if before:
            sensor.outliers *= (baseline.weight - 1) / before

    def _compare(self, sensor: SensorState, measure: Measure) -> Finding | None:
        """Check for a spike: the z-score of a value against the latest readings.

        A value beyond the limit enters the window as one at the limit, so that a level that lasts
        becomes the usual one.
        """
        size, limit = self.limits.maintenance_window, self.limits.maintenance_deviations or FAR
        name, value, time = measure
        found = None
        if len(sensor.window) >= size:
            mean, deviation = _spread(sensor.window[-size:])
            score = (value - mean) / deviation
            if abs(score) > limit:
                sensor.outliers += 1
                if self._is_rare(sensor) and self._may_tell(sensor.spike, time):
                    sensor.spike = time
                    words = (
                        f"{name} read {value:,.6g}, {score:+.1f} standard deviations from its "
                        f"latest {size} readings ({mean:,.6g} +- {deviation:,.3g}); the limit is "
                        f"{limit:g}"
                    )
                    found = Finding(
                        *("spike", time, score, limit, words), *(name, value, mean, deviation)
                    )
                value = mean + (limit if score > 0 else -limit) * deviation
        sensor.window = [*sensor.window, value][-size:]
        return found

    def _is_rare(self, sensor: SensorState) -> bool:
        """Return whether readings as far out are seldom; with a limit that is set, all are."""
        if self.limits.maintenance_deviations is not None:
            return True
        return sensor.outliers <= FEW + sensor.baseline.weight / RARE

    def _add_up(self, sensor: SensorState, measure: Measure) -> Finding | None:
        """Check for a drift: E. S. Page, "Continuous inspection schemes", Biometrika 41(1/2), 1954.

        Two sums, S = max(0, S + z - k) above and the same below; z is the distance from the
        baseline in its standard deviations, at most FARTHEST since a reading that jumps is a spike,
        and k half the shift to detect. If a sum exceeds h it is published, and both are reset to 0.
        """
        limits, baseline = self.limits, sensor.baseline
        if baseline.count < (limits.maintenance_baseline or FIRST):
            return None
        mean, deviation = baseline.expected(measure.time), baseline.deviation
        slack = limits.maintenance_shift / 2
        distance = max(-FARTHEST, min(FARTHEST, (measure.value - mean) / deviation))
        if max(sensor.above, sensor.below) < FARTHEST:
            # Later readings may belong to a change, which must not raise its own limit.
            learnt = baseline.drift_limit(slack, limits.maintenance_window)
            sensor.limit = limits.maintenance_drift or learnt
        sensor.above = max(0.0, sensor.above + distance - slack)
        sensor.below = max(0.0, sensor.below - distance - slack)
        total = sensor.above if sensor.above > sensor.below else -sensor.below
        if abs(total) <= sensor.limit:
            return None
        sensor.above = sensor.below = 0.0
        if not self._may_repeat(sensor, measure.time):
            return None
        return _drift(measure, mean, deviation, total, sensor.limit)

    def _may_repeat(self, sensor: SensorState, time: int) -> bool:
        """Return whether to publish a drift; one that goes on waits twice as long each time.

        The pause is at least that of the setting, and a day at most.
        """
        elapsed = None if sensor.drift is None else time - sensor.drift
        if elapsed is not None and elapsed < sensor.pause:
            return False
        goes_on = elapsed is not None and elapsed < 2 * sensor.pause
        shortest = self.limits.maintenance_repeat
        sensor.pause = max(shortest, min(2 * sensor.pause, DAY)) if goes_on else shortest
        sensor.drift = time
        return True

    def _may_tell(self, told: int | None, time: int) -> bool:
        return told is None or time - told >= self.limits.maintenance_repeat


def _drift(measure: Measure, mean: float, deviation: float, total: float, limit: float) -> Finding:
    name, value, time = measure
    words = (
        f"{name} drifts {'up' if total > 0 else 'down'}: {value:,.6g} now, where {mean:,.6g} +- "
        f"{deviation:,.3g} is usual; deviations add up to {abs(total):.1f}, the limit is "
        f"{limit:.4g}"
    )
    return Finding(*("drift", time, total, limit, words), *(name, value, mean, deviation))


def _tell(state: MachineState, found: Finding, context: Context) -> None:
    record = Maintenance(
        machine=state.machine,
        kind=found.kind,
        sensor=found.sensor,
        value=found.value,
        limit=found.limit,
        reading=found.reading,
        mean=found.mean,
        deviation=found.deviation,
        explanation=found.explanation,
        time=found.time,
        partition=context.partition,
        offset=state.offset,
    )
    announce(record, context)


def _spread(numbers: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation, in two passes, so that no error accumulates."""
    mean = fsum(numbers) / len(numbers)
    squares = fsum((number - mean) ** 2 for number in numbers)
    return mean, no_finer(mean, sqrt(squares / (len(numbers) - 1)))
