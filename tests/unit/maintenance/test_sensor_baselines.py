"""Baselines of sensors: what is learnt from their own past, and what is then a drift or spike."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import pi, sin
from random import Random
from typing import Any

import msgspec
import pytest

from app.maintenance.detection import FIRST, MachineState, Watch
from app.maintenance.records import Maintenance, Reading
from app.maintenance.settings import MaintenanceSettings

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
START = 1_784_505_600_000


class Published:
    """Context that collects what is published."""

    partition = 0

    def __init__(self) -> None:
        self.shared: dict[str, Any] = {}
        self.alerts: list[Maintenance] = []

    def send(self, record: Maintenance, **_options: Any) -> None:
        """Collect an alert."""
        self.alerts.append(record)

    def share(self, _name: str, _value: Any) -> None:
        """Keep nothing for the web."""


def run(readings: Iterable[Reading]) -> tuple[MachineState, list[Maintenance]]:
    """Return the state of a machine after its readings, and what was published."""
    watch, published = Watch(MaintenanceSettings.load()), Published()
    state = watch.new("room")
    for offset, each in enumerate(readings):
        watch.handle(state, (each.time, offset, each), published)
    return state, published.alerts


def of(kind: str, series: Iterable[tuple[int, float]]) -> list[Maintenance]:
    """Return the alerts of a kind about one sensor, from its times (ms) and values."""
    return [each for each in run(heat(series))[1] if each.kind == kind]


def heat(series: Iterable[tuple[int, float]]) -> Iterator[Reading]:
    """Yield the readings of one sensor."""
    return (Reading("room", {"heat": value}, START + time) for time, value in series)


def wander(days: int) -> Iterator[tuple[int, float]]:
    """Yield a sensor each 5 min whose level wanders for hours, as temperatures do."""
    random = Random(7)
    value = 0.0
    for time in range(0, days * DAY, 5 * MINUTE):
        value = 0.99 * value + random.gauss(0, 1)
        yield time, 80 + value


def test_wandering_sensor_is_seldom_reported() -> None:
    """Its readings depend on each other, so they add up to more than independent ones."""
    assert len(run(heat(wander(56)))[1]) <= 8


def test_lasting_shift_of_a_wandering_sensor_is_a_drift() -> None:
    """It is found within a day, with the level that was usual before."""
    shift = 26 * DAY
    drifts = of("drift", ((time, value - 30 * (time >= shift)) for time, value in wander(28)))
    first = next(each for each in drifts if each.time >= START + shift)
    assert first.time < START + shift + DAY
    assert first.value < -first.limit
    assert first.mean == pytest.approx(80, abs=5)


def test_daily_cycle_is_learnt() -> None:
    """A value of noon at midnight is a drift, though it is within all that the sensor reads."""
    random, shift = Random(3), 21 * DAY
    drifts = of(
        "drift",
        (
            (
                time,
                20 + 10 * sin(2 * pi * (time / DAY + (time >= shift) / 2)) + random.gauss(0, 1),
            )
            for time in range(0, shift + 12 * HOUR, 5 * MINUTE)
        ),
    )
    assert [each for each in drifts if START + 7 * DAY < each.time < START + shift] == []
    assert [each for each in drifts if each.time >= START + shift]


def test_drift_that_goes_on_is_reported_seldomer() -> None:
    """After 10, 20, 40 minutes, and so on."""
    drifts = of("drift", ((n * SECOND, 60 + (-1) ** n + 9 * (n > 2_000)) for n in range(12_000)))
    gaps = [after.time - before.time for before, after in pairwise(drifts)]
    assert len(gaps) >= 2
    assert all(after >= 2 * before - MINUTE for before, after in pairwise(gaps))


def test_sensor_that_always_jumps_has_no_spikes() -> None:
    """A counter that is 0 but for one reading in twenty."""
    series = ((n * MINUTE, 40.0 * (n % 20 == 0)) for n in range(4 * 24 * 60))
    spikes = of("spike", series)
    assert [each for each in spikes if each.time > START + DAY] == []


def test_values_that_are_set_hold_for_all_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Baseline, limits and silence are as they were before anything was learnt."""
    for name, value in {"BASELINE": FIRST, "DRIFT": 12, "DEVIATIONS": 6, "SILENCE": "1m"}.items():
        monkeypatch.setenv(f"TICKSTREAM_MAINTENANCE_{name}", str(value))
    series = [(n * SECOND, 60 + (-1) ** n + 0.01 * n * (n >= FIRST)) for n in range(1_000)]
    state, alerts = run(heat(series))
    baseline = state.sensors["heat"].baseline
    assert baseline.expected(START + 7 * DAY) == pytest.approx(60)
    assert baseline.deviation == pytest.approx(1)
    assert {each.limit for each in alerts if each.kind == "drift"} == {12}
    assert Watch(MaintenanceSettings.load()).due(state) == state.last + MINUTE


def test_state_of_a_machine_is_bounded() -> None:
    """It has the same size after five days and after a month: about 1 kB a sensor."""

    def size(days: int) -> int:
        readings = (
            Reading("room", {f"sensor-{n}": sin(time * n) for n in range(1, 9)}, START + time)
            for time in range(0, days * DAY, 15 * MINUTE)
        )
        return len(msgspec.msgpack.encode(run(readings)[0]))

    assert size(30) <= 1.01 * size(5)
    assert size(30) < 8 * 1_200 + 500
