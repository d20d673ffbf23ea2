"""Simulated readings of machines that wear out, with drifts, spikes and silences.

No two machines are alike: a value that is usual for one is a fault of another. A machine that
drifts is serviced after a while; short pauses are usual.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from app.maintenance.records import Reading
from app.maintenance.topics import READINGS
from eventfold.connectors.arrivals import Delays, Event, merged, simulated, without_labels
from eventfold.connectors.simulations import Simulation

#: Time (ms) between two readings of a machine.
STEP = 2_000
MINUTE = 60_000
#: Healthy time (ms) after a start or a fault: its minimum, and the mean beyond it.
LEARNING, HEALTHY = 6 * MINUTE, 12 * MINUTE
#: Shortest and longest duration of a drift and of a silence (ms).
DRIFTS, SILENCES = (8 * MINUTE, 15 * MINUTE), (2 * MINUTE, 6 * MINUTE)


@dataclass
class _Machine:
    name: str
    random: Random
    #: Sensor → mean, standard deviation.
    sensors: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: Sensor → its present offset from the mean, in standard deviations.
    off: dict[str, float] = field(default_factory=dict)
    time: int = 0

    def __post_init__(self) -> None:
        for sensor, typical, spread in (
            ("temperature", 60.0, 15.0),
            ("vibration", 3.0, 1.0),
            ("current", 12.0, 4.0),
        ):
            mean = max(typical / 4, self.random.gauss(typical, spread))
            self.sensors[sensor] = mean, mean * self.random.uniform(0.01, 0.05)

    def events(self, faults: Iterator[int]) -> Iterator[Event]:
        """Yield its endless readings; each fault takes the next number of `faults`."""
        while True:
            yield from self._well(LEARNING + int(self.random.expovariate(1 / HEALTHY)))
            kind = self.random.choice(("drift", "spike", "silence"))
            label = f"{kind}-{next(faults)}"
            if kind == "drift":
                yield from self._drift(label)
            elif kind == "spike":
                yield self._spike(label)
            else:
                self.time += self.random.randint(*SILENCES)
                yield self._read(label)

    def _well(self, duration: int) -> Iterator[Event]:
        until = self.time + duration
        while self.time < until:
            if self.random.random() < 0.002:
                self.time += self.random.randint(10_000, 45_000)
            yield self._read()

    def _drift(self, label: str) -> Iterator[Event]:
        sensor = self.random.choice(list(self.sensors))
        most = self.random.choice((-1, 1)) * self.random.uniform(2, 5)
        steps = self.random.randint(*DRIFTS) // STEP
        for step in range(steps):
            self.off[sensor] = most * (step + 1) / steps
            yield self._read(label)
        self.off.clear()
        yield self._read(serviced=True)

    def _spike(self, label: str) -> Event:
        sensor = self.random.choice(list(self.sensors))
        self.off[sensor] = self.random.choice((-1, 1)) * self.random.uniform(7, 14)
        event = self._read(label)
        self.off.clear()
        return event

    def _read(self, label: str | None = None, *, serviced: bool = False) -> Event:
        self.time += STEP + self.random.randint(-300, 300)
        values: dict[str, float | None] = {
            sensor: round(mean + deviation * (self.off.get(sensor, 0) + self.random.gauss(0, 1)), 4)
            for sensor, (mean, deviation) in self.sensors.items()
        }
        reading = Reading(self.name, values, self.time, serviced)
        return Event(self.time, READINGS, reading, label)


def _events(seed: int, rate: float, start: int) -> Iterator[Event]:
    faults = count(1)
    machines = []
    for number in range(max(2, round(rate * STEP / 1000))):
        random = Random(f"machine {seed} {number}")  # noqa: S311  # a simulation
        machine = _Machine(f"machine-{number:03}", random, time=start + random.randrange(STEP))
        machines.append(machine.events(faults))
    return merged(*machines)


#: Readings, labelled with the fault that each is a part of; a silence labels the reading after it.
labelled = simulated(_events, Delays(grace=10_000))

SIMULATION = Simulation((READINGS,), without_labels(labelled), "sensors of machines that wear out")
