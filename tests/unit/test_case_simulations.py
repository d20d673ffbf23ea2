"""Simulated payments, machines, connections, guests: seeded, labelled, with flaws."""

from itertools import islice
from typing import Any

import msgspec
import pytest

from app.beaconing import simulator as connections
from app.fraud import simulator as payments
from app.hotel import simulator as guests
from app.hotel.topics import GUEST_EVENTS, GUESTS
from app.maintenance import simulator as machines
from app.simulations import simulation

START = 1_769_814_000_000
COUNT = 5_000
LABELLED: dict[str, Any] = {
    "connections": connections.labelled,
    "payments": payments.labelled,
    "machines": machines.labelled,
    "guests": guests.labelled,
}
#: The labels of each simulation: what its detection should find.
KINDS = {
    "connections": {"beacon"},
    "payments": {"velocity", "distance", "amount"},
    "machines": {"drift", "spike", "silence"},
    "guests": {"complaint", "vip"},
}
each_case = pytest.mark.parametrize("case", LABELLED)


@each_case
def test_the_same_seed_gives_the_same_records(case: str) -> None:
    """Byte for byte; another seed makes other records, another start moves their times."""
    records = list(islice(simulation(case).make(1, 5, START), COUNT))
    assert records == list(islice(simulation(case).make(1, 5, START), COUNT))
    assert records != list(islice(simulation(case).make(2, 5, START), COUNT))
    moved = islice(simulation(case).make(1, 5, START + 1_000), COUNT)
    assert [each[1][2] for each in moved] == [time + 1_000 for _, (_, _, time) in records]


@each_case
def test_labelled_events_are_sent_without_their_labels(case: str) -> None:
    """Only tests know the labels; each kind of label occurs."""
    made = list(islice(LABELLED[case](1, 2, START), COUNT))
    assert [(each.topic, each.record) for each in made] == list(
        islice(simulation(case).make(1, 2, START), COUNT)
    )
    found = {each.event.label.partition("-")[0] for each in made if each.event.label}
    assert found == KINDS[case]
    assert {each.topic for each in made} <= set(simulation(case).topics)


@each_case
def test_records_come_at_about_the_rate_asked_for(case: str) -> None:
    """On average, in event time."""
    times = [record[2] for _, record in islice(simulation(case).make(1, 1, START), 4 * COUNT)]
    half = times[2 * COUNT :]
    assert 2 * COUNT / ((max(half) - half[0]) / 1000) == pytest.approx(1, rel=0.25)


@each_case
def test_most_records_are_readable_and_some_are_out_of_order(case: str) -> None:
    """A few come late, by more than any grace, and a few are broken."""
    made = list(islice(LABELLED[case](1, 5, START), 4 * COUNT))
    broken, behind, newest = 0, [], 0
    for topic, (key, value, time), event in made:
        newest = max(newest, time)
        behind.append(newest - time)
        try:
            record = msgspec.json.decode(value, type=topic.value)
        except msgspec.MsgspecError:
            broken += 1
        else:
            assert record == event.value
            assert str(getattr(record, topic.key)).encode() == key
            assert record.time == time
    assert 0 < broken < len(made) / 1_000
    assert 0 < sum(each > 1_000 for each in behind) < 0.2 * len(made)


def test_guest_simulation_sends_profiles_and_events() -> None:
    """Both topics get records."""
    topics = [topic for topic, _ in islice(simulation("guests").make(1, 2, START), COUNT)]
    assert set(topics) == {GUESTS, GUEST_EVENTS}
