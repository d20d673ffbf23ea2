"""Quality of detection of fraud, maintenance, beaconing and hotel against simulated labels.

Precision: the fraction of the published records that belong to a label. Recall: the fraction of the
labels with a published record. Each is compared with the best of a simple baseline over all its
thresholds; tickstream has its defaults. Without a broker; seeded.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import islice
from statistics import fmean, pstdev, quantiles
from typing import Any, NamedTuple

import pytest

from app import app
from app.beaconing import simulator as connections
from app.beaconing.topics import BEACONS
from app.fraud import simulator as payments
from app.fraud.topics import ALERTS
from app.hotel import simulator as guests
from app.hotel.topics import SERVICE_ACTIONS
from app.maintenance import simulator as machines
from app.maintenance.topics import MAINTENANCE
from eventfold.connectors.arrivals import Event
from eventfold.testing import START, TopologyDriver
from eventfold.topics import Topic
from tables.beacons import beacons
from tables.fraud import fraud
from tables.guests import events, profiles
from tables.guests import guests as guest_table
from tables.machines import machines as machine_table


class Score(NamedTuple):
    """Score of a detection."""

    found: int
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def score(labels: set[str], reported: Iterable[str | None]) -> Score:
    """Score the published detections, each by the label that it belongs to."""
    reported = list(reported)
    right = [label for label in reported if label is not None]
    recall = len(labels.intersection(right)) / len(labels)
    return Score(len(reported), len(right) / len(reported) if reported else 1.0, recall)


def best(labels: set[str], attempts: Iterable[Iterable[str | None]]) -> Score:
    """Return the best of several attempts, by F1."""
    return max((score(labels, each) for each in attempts), key=lambda each: each.f1)


def simulate(
    made: Callable[..., Any], count: int, rate: float, tables: list[Any], out: Topic
) -> tuple[list[Event], list[Any]]:
    """Run a simulation; return its events in order of time, and the records published in `out`."""
    arriving = list(islice(made(11, rate, START), count))
    happened = sorted((each.event for each in arriving), key=lambda event: event.time)
    with TopologyDriver(app, tables=tables, partitions=3, start=happened[-1].time + 1) as driver:
        for topic, (key, value, _), _ in arriving:
            driver.pipe_raw(topic, key, value)
        driver.settle()
        return happened, driver.topic(out)


Show = Callable[[str, dict[str, Score]], None]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Return a function that prints scores, whether output is captured or not."""

    def write(title: str, scores: dict[str, Score]) -> None:
        lines = [f"\n{title:<44}{'found':>7}{'precision':>11}{'recall':>8}{'F1':>6}"]
        lines += [
            f"  {name:<42}{each.found:>7}{each.precision:>11.3f}{each.recall:>8.3f}{each.f1:>6.2f}"
            for name, each in scores.items()
        ]
        with capsys.disabled():
            print("\n".join(lines))  # noqa: T201  # it prints figures

    return write


def test_card_thefts_are_detected(show: Show) -> None:
    """The three rules together are better than any fixed amount or number of payments."""
    happened, reported = simulate(payments.labelled, 40_000, 5, [fraud], ALERTS)
    label = {each.value.id: each.label for each in happened}
    labels = {each for each in label.values() if each}
    amounts = [each.value.amount for each in happened]
    minutes = Counter((each.value.card, each.time // 60_000) for each in happened)
    scores = {
        "tickstream": score(labels, (label[each.payment] for each in reported)),
        "an amount above the best limit": best(
            labels,
            (
                [each.label for each in happened if each.value.amount > limit]
                for limit in quantiles(amounts, n=1_000)[::10]
            ),
        ),
        "more payments in a minute than the best limit": best(
            labels,
            (
                [e.label for e in happened if minutes[e.value.card, e.time // 60_000] > limit]
                for limit in range(2, 12)
            ),
        ),
    }
    for rule in ("velocity", "distance", "amount"):
        of_rule = (label[each.payment] for each in reported if each.rule == rule)
        scores[f"  {rule}, of its kind"] = score({e for e in labels if rule in e}, of_rule)
    show("fraud", scores)
    ours, *baselines = list(scores.values())[:3]
    assert ours.precision > 0.9
    assert ours.recall > 0.85
    assert all(ours.f1 > each.f1 for each in baselines)


class Fault(NamedTuple):
    """Fault of a machine from one time to another (ms)."""

    label: str
    machine: str
    kind: str
    first: int
    last: int


def faults(happened: list[Event]) -> list[Fault]:
    """Return the labelled faults; a silence is from the reading before it to the one after it."""
    found: dict[str, Fault] = {}
    before: dict[str, int] = {}
    for each in happened:
        machine = each.value.machine
        if each.label:
            kind = each.label.partition("-")[0]
            first = before.get(machine, each.time) if kind == "silence" else each.time
            known = found.get(each.label)
            first = known.first if known else first
            found[each.label] = Fault(each.label, machine, kind, first, each.time)
        before[machine] = each.time
    return list(found.values())


def test_machine_faults_are_detected(show: Show) -> None:
    """Baselines of each machine are better than the best limits for all machines."""
    happened, reported = simulate(machines.labelled, 40_000, 5, [machine_table], MAINTENANCE)
    known = faults(happened)
    labels = {each.label for each in known}

    def label(machine: str, kinds: set[str], time: int) -> str | None:
        return next(
            (
                each.label
                for each in known
                if each.machine == machine
                and each.kind in kinds
                and each.first <= time <= each.last
            ),
            None,
        )

    readings = [
        (each, sensor, value) for each in happened for sensor, value in each.value.values.items()
    ]
    of_sensor: dict[str, list[float]] = defaultdict(list)
    for _, sensor, value in readings:
        of_sensor[sensor].append(value)
    usual = {sensor: (fmean(each), pstdev(each)) for sensor, each in of_sensor.items()}
    far = [(each, abs(value - usual[name][0]) / usual[name][1]) for each, name, value in readings]
    scores = {
        "tickstream": score(
            labels,
            (
                label(e.machine, {"silence" if e.kind == "back" else e.kind}, e.time)
                for e in reported
            ),
        ),
        "a value beyond the best limits of all": best(
            labels,
            ([each.label for each, by in far if by > limit / 10] for limit in range(10, 60, 4)),
        ),
    }
    for kind in ("drift", "spike", "silence"):
        of_kind = (label(e.machine, {kind}, e.time) for e in reported if e.kind == kind)
        scores[f"  {kind}, of its kind"] = score({e for e in labels if kind in e}, of_kind)
    show("maintenance", scores)
    ours, baseline, *_ = scores.values()
    assert ours.precision > 0.9
    assert ours.recall > 0.9
    assert ours.f1 > baseline.f1


def test_beacons_are_detected(show: Show) -> None:
    """Regularity is better than any number of contacts."""
    happened, reported = simulate(connections.labelled, 60_000, 10, [beacons], BEACONS)
    seen = [each for each in happened if not each.value.destination.endswith(".pool.ntp.org")]
    label = {(each.value.source, each.value.destination): each.label for each in seen}
    labels = {each for each in label.values() if each}
    contacts = Counter((each.value.source, each.value.destination) for each in seen)
    scores = {
        "tickstream": score(labels, (label[e.source, e.destination] for e in reported)),
        "more connections than the best limit": best(
            labels,
            (
                [label[pair] for pair, number in contacts.items() if number > limit]
                for limit in range(1, 200)
            ),
        ),
    }
    show("beaconing", scores)
    ours, baseline = scores.values()
    assert ours.precision > 0.9
    assert ours.recall > 0.8
    assert ours.f1 > baseline.f1


def test_waiting_guests_are_detected(show: Show) -> None:
    """Actions are after the promised time, and for no guest who had a response before it."""
    tables = [profiles, events, guest_table]
    happened, reported = simulate(guests.labelled, 40_000, 2, tables, SERVICE_ACTIONS)
    end = happened[-1].time - 700_000
    requests = {each.value.id: each for each in happened if hasattr(each.value, "id")}
    vips = {each.value.guest for each in happened if getattr(each.value, "vip", False)}
    # Deadlines after the end of the simulation are unknown.
    labels = {each.label for each in requests.values() if each.label and each.time < end}
    at_once = [
        each.label
        for each in requests.values()
        if hasattr(each.value, "text") or each.value.guest in vips
    ]
    scores = {
        "tickstream": score(labels, (requests[each.request].label for each in reported)),
        "each complaint and VIP at once": score(labels, at_once),
    }
    show("hotel", scores)
    ours, baseline = scores.values()
    assert ours.precision > 0.98
    assert ours.recall > 0.98
    assert ours.f1 > baseline.f1
