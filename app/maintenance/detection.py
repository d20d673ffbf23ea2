"""Detection of machines that drift, jump or are silent, each compared with its own readings."""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

from msgspec import Struct, field

from app.maintenance.records import Maintenance, Reading
from app.maintenance.settings import MaintenanceSettings
from eventfold.operators.processor import Context
from eventfold.operators.recent_alerts import announce
from eventfold.operators.reorder_buffer import InOrder, Waiting
from eventfold.operators.welford import Moments
from eventfold.windows.durations import approximate_duration, format_duration

#: Largest distance from the baseline (standard deviations) that one reading adds to a drift: a
#: reading that jumps is a spike.
FARTHEST = 3.0
#: Smallest standard deviation, as a fraction of the mean and absolute: sensors are no finer.
FINEST, SMALLEST = 1e-4, 1e-9
#: Most sensors of a machine; further ones are ignored.
MOST_SENSORS = 64


class SensorState(Struct):
    """State of one sensor of a machine."""

    #: Moments of its first readings.
    baseline: Moments = field(default_factory=Moments)
    #: Sums above and below the baseline, in standard deviations (CUSUM).
    above: float = 0.0
    below: float = 0.0
    #: Its latest readings, oldest first.
    window: list[float] = field(default_factory=list)
    #: Times (ms) at which its last drift and spike were published.
    drift: int | None = None
    spike: int | None = None


class MachineState(Struct):
    """State of a machine."""

    machine: str
    waiting: list[Waiting[Reading]] = field(default_factory=list)
    sensors: dict[str, SensorState] = field(default_factory=dict)
    #: Time (ms) and offset of its newest reading.
    last: int | None = None
    offset: int = -1
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
        return state.last + self.limits.maintenance_silence

    def pass_due(self, state: MachineState, due: int, context: Context) -> None:
        """Publish that the machine is silent, once."""
        state.silent = True
        limit = self.limits.maintenance_silence
        words = f"no reading for {format_duration(limit)}"
        _tell(state, Finding("silence", due, float(limit), float(limit), words), context)

    def _hear(self, state: MachineState, event: Waiting[Reading], context: Context) -> None:
        time, before = event[0], state.last
        state.last = time if before is None else max(before, time)
        state.offset = event[1]
        if state.silent and before is not None:
            state.silent = False
            silence, limit = float(time - before), float(self.limits.maintenance_silence)
            words = f"readings again, after a silence of {approximate_duration(time - before)}"
            _tell(state, Finding("back", time, silence, limit, words), context)

    # -- readings

    def handle(self, state: MachineState, event: Waiting[Reading], context: Context) -> None:
        """Check each value for spike and drift, and publish the findings."""
        time, _, reading = event
        self._hear(state, event, context)
        if reading.serviced:
            state.sensors.clear()
        for name, value in reading.values.items():
            if name in state.sensors or len(state.sensors) < MOST_SENSORS:
                sensor = state.sensors.setdefault(name, SensorState())
                measure = Measure(name, value, time)
                for found in (self._compare(sensor, measure), self._add_up(sensor, measure)):
                    if found is not None:
                        _tell(state, found, context)

    def _compare(self, sensor: SensorState, measure: Measure) -> Finding | None:
        """Check for a spike: the z-score of a value against the latest readings.

        A value beyond the limit enters the window as one at the limit, so that a level that lasts
        becomes the usual one.
        """
        size, limit = self.limits.maintenance_window, self.limits.maintenance_deviations
        name, value, time = measure
        found = None
        if len(sensor.window) >= size:
            mean, deviation = _spread(sensor.window[-size:])
            score = (value - mean) / deviation
            if abs(score) > limit:
                if self._may_tell(sensor.spike, time):
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

    def _add_up(self, sensor: SensorState, measure: Measure) -> Finding | None:
        """Check for a drift: E. S. Page, "Continuous inspection schemes", Biometrika 41(1/2), 1954.

        Two sums, S = max(0, S + z - k) above and the same below; z is the distance from the
        baseline in its standard deviations, k half the shift to detect. If a sum exceeds h it is
        published, and both are reset to 0.
        """
        limits, baseline = self.limits, sensor.baseline
        if baseline.count < limits.maintenance_baseline:
            baseline.add(measure.value)
            return None
        deviation = _fine(baseline.mean, baseline.deviation)
        slack, limit = limits.maintenance_shift / 2, limits.maintenance_drift
        distance = max(-FARTHEST, min(FARTHEST, (measure.value - baseline.mean) / deviation))
        sensor.above = max(0.0, sensor.above + distance - slack)
        sensor.below = max(0.0, sensor.below - distance - slack)
        total = sensor.above if sensor.above > sensor.below else -sensor.below
        if abs(total) <= limit:
            return None
        sensor.above = sensor.below = 0.0
        if not self._may_tell(sensor.drift, measure.time):
            return None
        sensor.drift = measure.time
        return _drift(measure, baseline, deviation, total, limit)

    def _may_tell(self, told: int | None, time: int) -> bool:
        return told is None or time - told >= self.limits.maintenance_repeat


def _drift(
    measure: Measure, baseline: Moments, deviation: float, total: float, limit: float
) -> Finding:
    name, value, time = measure
    words = (
        f"{name} drifts {'up' if total > 0 else 'down'}: {value:,.6g} now, where its first "
        f"{baseline.count} readings were {baseline.mean:,.6g} +- {deviation:,.3g}; deviations add "
        f"up to {abs(total):.1f}, the limit is {limit:g}"
    )
    return Finding(*("drift", time, total, limit, words), *(name, value, baseline.mean, deviation))


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
    return mean, _fine(mean, sqrt(squares / (len(numbers) - 1)))


def _fine(mean: float, deviation: float) -> float:
    return max(deviation, FINEST * abs(mean), SMALLEST)
