"""fraud, maintenance, beaconing, hotel: what is published, when, and with which explanation."""

from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import MOMENTS
from msgspec import Struct

from app import app
from app.beaconing.connections import Connection
from app.beaconing.detection import PARTS
from app.beaconing.topics import BEACONS, CONN_EVENTS
from app.fraud.records import Payment
from app.fraud.topics import ALERTS, PAYMENTS
from app.hotel.records import Arrival, Complaint, Departure, Guest, Reservation, Response
from app.hotel.topics import GUEST_EVENTS, GUESTS, SERVICE_ACTIONS
from app.maintenance.records import Reading
from app.maintenance.topics import MAINTENANCE, READINGS
from app.settings import settings as configured
from eventfold.engine.keyed_table import KeyedTable
from eventfold.operators.recent_alerts import MOST, newest
from eventfold.operators.reorder_buffer import MOST_WAITING
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS, Topic
from tables.beacons import beacons
from tables.fraud import fraud
from tables.guests import events, guests, profiles
from tables.machines import machines

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
BERLIN, TOKYO = (52.52, 13.40), (35.68, 139.69)


@pytest.fixture
def driver() -> Iterator[TopologyDriver]:
    """Yield a driver of all four use cases, a few days after all that is piped in."""
    tables = [fraud, machines, beacons, profiles, events, guests]
    with TopologyDriver(app, tables=tables, start=START + 5 * DAY) as running:
        yield running


def put(driver: TopologyDriver, topic: Topic, *records: Struct) -> None:
    """Pipe records, all into one partition: stream time is the same for all of them."""
    driver.pipe(topic, *records, partition=0)


def told(driver: TopologyDriver, topic: Topic) -> list[Any]:
    """Settle the driver, and return the new records of a topic."""
    driver.settle()
    return driver.read(topic)


# -- fraud


def pay(number: int, seconds: float, amount: float = 20.0, **place: float) -> Payment:
    """Make a payment of the one card, so many seconds after the start."""
    return Payment(f"p{number}", "ann", amount, START + int(seconds * SECOND), "shop", **place)


def pass_on(driver: TopologyDriver) -> None:
    """Advance stream time of the payments by an hour."""
    last = max(driver.records(PAYMENTS), key=lambda each: each.offset, default=None)
    offset = 0 if last is None else last.offset + 1
    put(driver, PAYMENTS, Payment(f"o{offset}", "other", 5.0, START + (offset + 1) * HOUR))


def test_the_sixth_payment_within_a_minute_is_an_alert(driver: TopologyDriver) -> None:
    """It names the five before it; one a minute later is none."""
    put(driver, PAYMENTS, *(pay(number, 10 * number) for number in range(6)), pay(6, 3_000))
    pass_on(driver)
    (alert,) = told(driver, ALERTS)
    assert (alert.rule, alert.payment, alert.value, alert.limit) == ("velocity", "p5", 6, 5)
    assert alert.evidence == ["p0", "p1", "p2", "p3", "p4"]
    assert alert.explanation == "6 payments within 50s; up to 5 within 1m are usual"


def test_a_minute_is_half_open(driver: TopologyDriver) -> None:
    """Six payments over exactly one minute are not within it."""
    put(driver, PAYMENTS, *(pay(number, 12 * number) for number in range(6)))
    pass_on(driver)
    assert told(driver, ALERTS) == []


def test_nobody_is_in_berlin_and_an_hour_later_in_tokyo(driver: TopologyDriver) -> None:
    """The owner, still in Berlin, is no alert; and a day later Tokyo is none."""
    berlin, tokyo = ({"lat": lat, "lon": lon} for lat, lon in (BERLIN, TOKYO))
    put(
        driver,
        PAYMENTS,
        pay(1, 0, **berlin),
        pay(2, 3_600, **tokyo),
        pay(3, 5_000),
        pay(4, 7_200, **berlin),
        pay(5, 7_200 + 86_400, **tokyo),
        Payment("o", "other", 1.0, START + 2 * DAY),
    )
    (alert,) = told(driver, ALERTS)
    assert (alert.rule, alert.payment, alert.evidence) == ("distance", "p2", ["p1"])
    assert alert.value == pytest.approx(8_920, rel=0.01)
    assert "km from payment p1, 1h after it" in alert.explanation


def test_an_amount_is_compared_with_what_the_card_usually_pays(driver: TopologyDriver) -> None:
    """Far above it, or far below; not before there is a history."""
    put(driver, PAYMENTS, pay(0, 0, 5_000), *(pay(n, 100 * n, 20 + n % 3) for n in range(1, 30)))
    put(driver, PAYMENTS, pay(30, 3_000, 20_000), pay(31, 3_200, 0.01), pay(32, 3_400, 25))
    pass_on(driver)
    high, low = told(driver, ALERTS)
    assert [(each.rule, each.payment) for each in (high, low)] == [
        ("amount", "p30"),
        ("amount", "p31"),
    ]
    assert high.value > 4 > -4 > low.value
    assert "times the card's usual" in high.explanation


def test_what_comes_after_its_grace_is_a_dead_letter(driver: TopologyDriver) -> None:
    """It would have to be judged by payments that were judged without it."""
    put(driver, PAYMENTS, pay(1, 10), pay(2, 5), pay(3, 4.999))
    (letter,) = told(driver, DEAD_LETTERS)
    assert (letter.offset, letter.stage) == (2, "fraud")
    assert letter.error == "LateError: 5.001 s behind stream time, which is more than the grace"


@settings(max_examples=25)
@given(st.data())
def test_the_order_of_arrival_within_the_grace_does_not_matter(data: st.DataObject) -> None:
    """Nor do batches, nor a crash."""
    steps = data.draw(st.lists(st.sampled_from([1, 2, 9]), min_size=20, max_size=60))
    sent = [
        pay(number, time, 10 ** (number % 3), lat=BERLIN[0], lon=10.0 * (number % 2))
        for number, time in enumerate(accumulate(steps))
    ]
    delays = {each.id: data.draw(st.integers(0, 4_900), label=each.id) for each in sent}
    arriving = sorted(sent, key=lambda each: each.time + delays[each.id])
    end = Payment("end", "other", 1.0, START + DAY)
    outcome = []
    for order in (sent, arriving):
        with TopologyDriver(app, tables=[fraud], start=START + 2 * DAY) as driver:
            put(driver, PAYMENTS, *order[: len(order) // 2])
            driver.batch = data.draw(st.integers(1, 20))
            driver.run()
            driver.crash(at=data.draw(st.sampled_from(MOMENTS)), lose_store=True)
            put(driver, PAYMENTS, *order[len(order) // 2 :], end)
            driver.settle()
            alerts = driver.topic(ALERTS)
            outcome.append([(a.payment, a.rule, a.value, a.evidence) for a in alerts])
    assert outcome[0]
    assert outcome[0] == outcome[1]


def test_a_flood_costs_order_not_memory(driver: TopologyDriver) -> None:
    """Of one key no more wait than MOST_WAITING, even if all are of the same instant."""
    put(driver, PAYMENTS, *(pay(number, 0) for number in range(MOST_WAITING + 500)))
    driver.run()
    assert len(fraud.state_of("ann").waiting) <= MOST_WAITING
    driver.settle()
    assert len(driver.topic(ALERTS)) > 400


def latest(table: KeyedTable) -> list[Any]:
    """Return the latest ten records that a table published, the newest first."""
    state = next(each for each in table.keyed_states() if each.partition == 0)
    return [each.record for each in newest(state.shared, 10)]


def test_the_latest_alerts_are_kept_over_crashes(driver: TopologyDriver) -> None:
    """The newest of them, in bounded space."""
    put(driver, PAYMENTS, *(pay(number, number) for number in range(MOST + 20)))
    pass_on(driver)
    alerts = told(driver, ALERTS)
    assert len(alerts) == MOST + 15
    driver.crash(lose_store=True)
    assert latest(fraud) == alerts[:-11:-1]
    assert max(len(state.shared) for state in fraud.keyed_states()) == MOST


# -- maintenance


def read(seconds: float, heat: float = 60.0, machine: str = "m1", **more: Any) -> Reading:
    """Make a reading, so many seconds after the start."""
    return Reading(machine, {"heat": heat}, START + int(seconds * SECOND), **more)


def test_a_silent_machine_is_told_once_and_again_when_it_is_back(driver: TopologyDriver) -> None:
    """After a minute by the clock of the others, at the time it was due."""
    put(driver, READINGS, read(0), *(read(s, machine="m2") for s in range(10, 310, 50)))
    (silence,) = told(driver, MAINTENANCE)
    assert (silence.machine, silence.kind, silence.time) == ("m1", "silence", START + MINUTE)
    assert silence.explanation == "no reading for 1m"
    put(driver, READINGS, read(300), read(311, machine="m2"))
    (back,) = told(driver, MAINTENANCE)
    assert (back.machine, back.kind, back.value) == ("m1", "back", 300 * SECOND)
    assert back.explanation == "readings again, after a silence of 5m"


def wear(count: int, start: int = 0, off: float = 0.0) -> list[Reading]:
    """Make readings, one each 2 s, that swing by +-1 around 60 and something."""
    return [read(2 * n, 60 + off + (-1) ** n) for n in range(start, start + count)]


def test_a_machine_that_drifts_is_told_with_its_own_baseline(driver: TopologyDriver) -> None:
    """Not while it is as it was; again only after ten minutes; never once it was serviced."""
    put(driver, READINGS, *wear(400), *wear(60, 400, off=3), *wear(1, 600))
    found = told(driver, MAINTENANCE)
    (drift,) = [each for each in found if each.kind == "drift"]
    assert (drift.sensor, drift.value > 12, drift.limit) == ("heat", True, 12)
    assert drift.mean == pytest.approx(60)
    assert "heat drifts up" in drift.explanation
    put(driver, READINGS, read(1_300, serviced=True), *wear(500, 700, off=3))
    assert [each.kind for each in told(driver, MAINTENANCE) if each.kind == "drift"] == []


def test_one_value_far_from_the_latest_ones_is_a_spike(driver: TopologyDriver) -> None:
    """It is no drift."""
    put(driver, READINGS, *wear(200), read(400, 75.0), *wear(60, 201))
    (spike,) = told(driver, MAINTENANCE)
    assert (spike.kind, spike.reading, spike.time) == ("spike", 75.0, START + 400 * SECOND)
    assert "standard deviations from its latest 60 readings" in spike.explanation


def test_a_sensor_that_never_changes_is_none(driver: TopologyDriver) -> None:
    """Its deviation is 0, which divides nothing."""
    put(driver, READINGS, *(read(2 * n) for n in range(300)))
    assert told(driver, MAINTENANCE) == []


# -- beaconing


def connect(seconds: float, destination: str = "203.0.113.9", source: str = "h1") -> Connection:
    """Make a connection, so many seconds after the start."""
    return Connection(source, destination, 8443, 100, START + int(seconds * SECOND))


def test_a_host_that_calls_regularly_is_told_once_an_hour(driver: TopologyDriver) -> None:
    """With jitter, a missed call, and several connections a call."""
    calls = [60 * n + n % 3 for n in range(80) if n != 7]
    put(driver, CONN_EVENTS, *(connect(each + d) for each in calls for d in (0, 0.5, 2)))
    first, second = told(driver, BEACONS)
    assert (first.source, first.destination, first.contacts) == ("h1", "203.0.113.9", 12)
    assert first.interval == pytest.approx(60 * SECOND, rel=0.01)
    assert 0 < first.variation < 0.05
    assert first.missed == 1
    assert second.time - first.time >= HOUR
    assert "12 contacts with 203.0.113.9:8443, one each" in first.explanation


def test_irregular_allowed_and_continuous_contacts_are_none(driver: TopologyDriver) -> None:
    """People, clocks, and a stream that never pauses."""
    random, end = Random(5), 0.0
    for _ in range(60):
        end += 10 + random.expovariate(1 / 60)
        put(driver, CONN_EVENTS, connect(end, "people.example"))
    put(driver, CONN_EVENTS, *(connect(end + 64 * n, "1.pool.ntp.org") for n in range(40)))
    put(driver, CONN_EVENTS, *(connect(end + 2_600 + 5 * n, "stream") for n in range(400)))
    assert told(driver, BEACONS) == []


def test_a_scan_neither_fills_the_memory_nor_hides_a_beacon(driver: TopologyDriver) -> None:
    """Those with the fewest contacts are forgotten first."""
    scan = [connect(n / 3, f"10.{n // 250}.{n % 250}.1") for n in range(3_000)]
    calls = [connect(60 * n) for n in range(16)]
    put(driver, CONN_EVENTS, *sorted(scan + calls, key=lambda each: each.time))
    driver.settle()
    assert [each.destination for each in driver.topic(BEACONS)] == ["203.0.113.9"]
    known = sum(len(beacons.state_of(f"h1 {part}").pairs) for part in range(PARTS))
    assert known <= PARTS * configured().beacon_destinations


# -- hotel

#: Guests of whom each is in another of the three partitions of guest-log, by murmur2.
PASSERS_BY = ["passer-by-0", "passer-by", "passer-by-5"]


def at(minutes: float) -> int:
    """Return an instant (ms), so many minutes after the start."""
    return START + int(minutes * MINUTE)


def later(driver: TopologyDriver, minutes: float) -> None:
    """Advance stream time of the guests in each partition of guest-log."""
    for passer_by in PASSERS_BY:
        put(driver, GUEST_EVENTS, Arrival(passer_by, f"x{minutes}", at(minutes)))


def test_a_complaint_without_a_response_is_an_action(driver: TopologyDriver) -> None:
    """At the promised time, with who and where; one that was answered is none."""
    put(driver, GUESTS, Guest("g1", "Ada", at(0)))
    driver.settle()
    put(
        driver,
        GUEST_EVENTS,
        Arrival("g1", "a1", at(0), "101"),
        Complaint("g1", "c1", "no towels", at(20)),
        Complaint("g1", "c2", "too loud", at(21)),
        Response("g1", at(29), "front desk", "c1"),
    )
    later(driver, 30)
    assert told(driver, SERVICE_ACTIONS) == []
    later(driver, 32)
    (action,) = told(driver, SERVICE_ACTIONS)
    assert (action.kind, action.request, action.time, action.room) == (
        "complaint",
        "c2",
        at(31),
        "101",
    )
    assert action.explanation == "Ada in 101 complained (too loud): no response within 10m"
    assert [each.id for each in guests.stay("g1").open] == ["c2"]
    put(driver, GUEST_EVENTS, Response("g1", at(33), "front desk"))
    driver.settle()
    assert guests.stay("g1").open == []


def test_a_response_at_the_very_moment_comes_too_late(driver: TopologyDriver) -> None:
    """An instant before, it does not."""
    for name, answered in (("g1", at(10)), ("g2", at(10) - 1)):
        put(driver, GUEST_EVENTS, Complaint(name, "c", "cold", at(0)), Response(name, answered))
    later(driver, 20)
    assert [each.guest for each in told(driver, SERVICE_ACTIONS)] == ["g1"]


def test_a_vip_is_to_be_welcomed_whenever_the_profile_comes(driver: TopologyDriver) -> None:
    """Before the arrival, after it, or after the time is over; others are not waited for."""
    put(driver, GUESTS, Guest("early", "Ada", at(-99_999), vip=True), Guest("plain", "Bob", at(0)))
    driver.settle()
    names = ("early", "tardy", "plain", "seen")
    put(driver, GUEST_EVENTS, *(Arrival(name, f"a-{name}", at(1), "7") for name in names))
    put(driver, GUEST_EVENTS, Response("seen", at(5)))
    later(driver, 10)
    (action,) = told(driver, SERVICE_ACTIONS)
    assert (action.guest, action.kind, action.time) == ("early", "vip-arrival", at(6))
    assert action.explanation == "Ada, a VIP, in 7 arrived: no response within 5m"
    put(driver, GUESTS, *(Guest(name, "Eve", at(2), vip=True) for name in ("tardy", "seen")))
    (action,) = told(driver, SERVICE_ACTIONS)
    assert (action.guest, action.time) == ("tardy", at(6))


def test_what_is_known_of_a_guest_is_there_at_once(driver: TopologyDriver) -> None:
    """Without the grace: reservations, changes, arrival, requests, latest events."""
    put(driver, GUESTS, Guest("g1", "Ada", at(0), language="pl"))
    made = [
        Reservation("g1", "r1", "requested", at(1), "2026-01-02", 2),
        Reservation("g1", "r1", "confirmed", at(3), "2026-01-02", 3, "101"),
        Reservation("g1", "r1", "requested", at(2), "2026-01-02", 2),
        Arrival("g1", "a1", at(4), "101"),
    ]
    put(driver, GUEST_EVENTS, *made)
    driver.settle()
    stay = guests.stay("g1")
    assert stay.profile is not None
    assert (stay.profile.name, stay.profile.language) == ("Ada", "pl")
    assert stay.reservations == [made[1]]
    assert (stay.arrived, stay.room, [each.id for each in stay.open]) == (at(4), "101", ["a1"])
    assert stay.events[0] == made[3]
    put(driver, GUEST_EVENTS, Departure("g1", at(5)))
    driver.settle()
    stay = guests.stay("g1")
    assert (stay.arrived, stay.open) == (None, [])


def test_a_guest_whose_profile_is_deleted_is_forgotten(driver: TopologyDriver) -> None:
    """With all that was known, over a restart too."""
    put(driver, GUESTS, Guest("g1", "Ada", at(0)))
    put(driver, GUEST_EVENTS, Complaint("g1", "c1", "cold", at(0)))
    driver.settle()
    driver.pipe_raw(GUESTS, b"g1", None, partition=0)
    driver.settle()
    driver.crash(lose_store=True)
    driver.settle()
    assert guests.stay("g1") is None


def test_a_complaint_that_comes_late_is_still_one(driver: TopologyDriver) -> None:
    """It was due long ago: it is published on arrival, before the response that came even later."""
    later(driver, 60)
    driver.settle()
    put(driver, GUEST_EVENTS, Complaint("g1", "c1", "cold", at(5)), Response("g1", at(20)))
    (action,) = told(driver, SERVICE_ACTIONS)
    assert (action.request, action.time) == ("c1", at(15))
