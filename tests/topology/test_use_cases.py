"""Results of fraud, maintenance, beaconing and hotel: when they are published, and why."""

from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from worker_scenarios import CRASH_POINTS

from app import app
from app.beaconing.detection import PARTS
from app.beaconing.records import Connection
from app.beaconing.settings import settings as beaconing
from app.beaconing.topics import BEACONS, CONN_EVENTS
from app.fraud.records import Payment
from app.fraud.topics import ALERTS, PAYMENTS
from app.hotel.records import Arrival, Complaint, Departure, Guest, Reservation, Response
from app.hotel.routes import stay_in
from app.hotel.topics import GUEST_EVENTS, GUESTS, SERVICE_ACTIONS
from app.maintenance.records import Reading
from app.maintenance.topics import MAINTENANCE, READINGS
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
    """Yield a driver of all four use cases, a few days after all records that are piped."""
    tables = [fraud, machines, beacons, profiles, events, guests]
    with TopologyDriver(app, tables=tables, start=START + 5 * DAY) as running:
        yield running


def pipe(driver: TopologyDriver, topic: Topic, *records: Struct) -> None:
    """Pipe records, all into one partition: stream time is the same for all of them."""
    driver.pipe(topic, *records, partition=0)


def published(driver: TopologyDriver, topic: Topic) -> list[Any]:
    """Settle the driver, and return the new records of a topic."""
    driver.settle()
    return driver.read(topic)


# -- fraud


def pay(number: int, seconds: float, amount: float = 20.0, **place: float) -> Payment:
    """Make a payment by card `ann`, so many seconds after the start."""
    return Payment(f"p{number}", "ann", amount, START + int(seconds * SECOND), "shop", **place)


def advance_payments(driver: TopologyDriver) -> None:
    """Advance stream time of the payments by an hour."""
    last = max(driver.records(PAYMENTS), key=lambda each: each.offset, default=None)
    offset = 0 if last is None else last.offset + 1
    pipe(driver, PAYMENTS, Payment(f"o{offset}", "other", 5.0, START + (offset + 1) * HOUR))


def test_the_sixth_payment_within_a_minute_is_an_alert(driver: TopologyDriver) -> None:
    """It names the five before it; a payment a minute later is no alert."""
    pipe(driver, PAYMENTS, *(pay(number, 10 * number) for number in range(6)), pay(6, 3_000))
    advance_payments(driver)
    (alert,) = published(driver, ALERTS)
    assert (alert.rule, alert.payment, alert.value, alert.limit) == ("velocity", "p5", 6, 5)
    assert alert.evidence == ["p0", "p1", "p2", "p3", "p4"]
    assert alert.explanation == "6 payments within 50s; up to 5 within 1m are usual"


def test_velocity_window_is_half_open(driver: TopologyDriver) -> None:
    """Six payments over exactly one minute are not within it."""
    pipe(driver, PAYMENTS, *(pay(number, 12 * number) for number in range(6)))
    advance_payments(driver)
    assert published(driver, ALERTS) == []


def test_payments_in_berlin_and_an_hour_later_in_tokyo_are_an_alert(driver: TopologyDriver) -> None:
    """A later payment in Berlin is no alert, nor is Tokyo a day later."""
    berlin, tokyo = ({"lat": lat, "lon": lon} for lat, lon in (BERLIN, TOKYO))
    pipe(
        driver,
        PAYMENTS,
        pay(1, 0, **berlin),
        pay(2, 3_600, **tokyo),
        pay(3, 5_000),
        pay(4, 7_200, **berlin),
        pay(5, 7_200 + 86_400, **tokyo),
        Payment("o", "other", 1.0, START + 2 * DAY),
    )
    (alert,) = published(driver, ALERTS)
    assert (alert.rule, alert.payment, alert.evidence) == ("distance", "p2", ["p1"])
    assert alert.value == pytest.approx(8_920, rel=0.01)
    assert "km from payment p1, 1h after it" in alert.explanation


def test_amount_is_compared_with_the_usual_amounts_of_the_card(driver: TopologyDriver) -> None:
    """An amount far above or below them is an alert, once there is a history."""
    pipe(driver, PAYMENTS, pay(0, 0, 5_000), *(pay(n, 100 * n, 20 + n % 3) for n in range(1, 30)))
    pipe(driver, PAYMENTS, pay(30, 3_000, 20_000), pay(31, 3_200, 0.01), pay(32, 3_400, 25))
    advance_payments(driver)
    high, low = published(driver, ALERTS)
    assert [(each.rule, each.payment) for each in (high, low)] == [
        ("amount", "p30"),
        ("amount", "p31"),
    ]
    assert high.value > 4 > -4 > low.value
    assert "times the card's usual" in high.explanation


def test_payment_after_its_grace_is_a_dead_letter(driver: TopologyDriver) -> None:
    """Payments after it were already checked without it."""
    pipe(driver, PAYMENTS, pay(1, 10), pay(2, 5), pay(3, 4.999))
    (letter,) = published(driver, DEAD_LETTERS)
    assert (letter.offset, letter.stage) == (2, "fraud")
    assert letter.error == "LateError: 5.001 s behind stream time, which is more than the grace"


@settings(max_examples=25)
@given(st.data())
def test_alerts_do_not_depend_on_arrival_order_within_grace(data: st.DataObject) -> None:
    """Nor do they depend on batches, or on a crash."""
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
            pipe(driver, PAYMENTS, *order[: len(order) // 2])
            driver.batch = data.draw(st.integers(1, 20))
            driver.run()
            driver.crash(at=data.draw(st.sampled_from(CRASH_POINTS)), lose_store=True)
            pipe(driver, PAYMENTS, *order[len(order) // 2 :], end)
            driver.settle()
            alerts = driver.topic(ALERTS)
            outcome.append([(a.payment, a.rule, a.value, a.evidence) for a in alerts])
    assert outcome[0]
    assert outcome[0] == outcome[1]


def test_reorder_buffer_is_bounded_during_a_flood(driver: TopologyDriver) -> None:
    """No more than MOST_WAITING payments of a key wait, even if all are of the same instant."""
    pipe(driver, PAYMENTS, *(pay(number, 0) for number in range(MOST_WAITING + 500)))
    driver.run()
    assert len(fraud.state_of("ann").waiting) <= MOST_WAITING
    driver.settle()
    assert len(driver.topic(ALERTS)) > 400


def recent_alerts(table: KeyedTable) -> list[Any]:
    """Return the latest ten records that a table published, the newest first."""
    state = next(each for each in table.keyed_states() if each.partition == 0)
    return [each.record for each in newest(state.shared, 10)]


def test_recent_alerts_survive_a_crash(driver: TopologyDriver) -> None:
    """The newest are kept, in bounded space."""
    pipe(driver, PAYMENTS, *(pay(number, number) for number in range(MOST + 20)))
    advance_payments(driver)
    alerts = published(driver, ALERTS)
    assert len(alerts) == MOST + 15
    driver.crash(lose_store=True)
    assert recent_alerts(fraud) == alerts[:-11:-1]
    assert max(len(state.shared) for state in fraud.keyed_states()) == MOST


# -- maintenance


def reading(seconds: float, heat: float = 60.0, machine: str = "m1", **more: Any) -> Reading:
    """Make a reading, so many seconds after the start."""
    return Reading(machine, {"heat": heat}, START + int(seconds * SECOND), **more)


def test_silent_machine_is_reported_once_and_again_on_its_return(driver: TopologyDriver) -> None:
    """Silence is reported after a minute of stream time, at the time it was due."""
    pipe(driver, READINGS, *(reading(s) for s in range(-6, 1, 2)))
    pipe(driver, READINGS, *(reading(s, machine="m2") for s in range(10, 310, 50)))
    (silence,) = published(driver, MAINTENANCE)
    assert (silence.machine, silence.kind, silence.time) == ("m1", "silence", START + MINUTE)
    assert silence.explanation == "no reading for 1m"
    pipe(driver, READINGS, reading(300), reading(311, machine="m2"))
    (back,) = published(driver, MAINTENANCE)
    assert (back.machine, back.kind, back.value) == ("m1", "back", 300 * SECOND)
    assert back.explanation == "readings again, after a silence of 5m"


def readings_around_60(count: int, start: int = 0, off: float = 0.0) -> list[Reading]:
    """Make readings, one each 2 s, that swing by +-1 around 60 plus `off`."""
    return [reading(2 * n, 60 + off + (-1) ** n) for n in range(start, start + count)]


def test_drift_is_reported_with_the_baseline_of_the_machine(driver: TopologyDriver) -> None:
    """It is repeated only after ten minutes, and not after the machine was serviced."""
    pipe(
        driver,
        READINGS,
        *readings_around_60(400),
        *readings_around_60(60, 400, off=3),
        *readings_around_60(1, 600),
    )
    found = published(driver, MAINTENANCE)
    (drift,) = [each for each in found if each.kind == "drift"]
    assert (drift.sensor, drift.value > drift.limit >= 12) == ("heat", True)
    assert drift.mean == pytest.approx(60, abs=0.1)
    assert "heat drifts up" in drift.explanation
    pipe(driver, READINGS, reading(1_300, serviced=True), *readings_around_60(500, 700, off=3))
    assert [each.kind for each in published(driver, MAINTENANCE) if each.kind == "drift"] == []


def test_one_value_far_from_the_latest_ones_is_a_spike(driver: TopologyDriver) -> None:
    """It is not a drift."""
    pipe(
        driver, READINGS, *readings_around_60(200), reading(400, 75.0), *readings_around_60(60, 201)
    )
    (spike,) = published(driver, MAINTENANCE)
    assert (spike.kind, spike.reading, spike.time) == ("spike", 75.0, START + 400 * SECOND)
    assert "standard deviations from its latest 60 readings" in spike.explanation


def test_constant_sensor_is_not_reported(driver: TopologyDriver) -> None:
    """Its standard deviation is 0, which must not divide anything."""
    pipe(driver, READINGS, *(reading(2 * n) for n in range(300)))
    assert published(driver, MAINTENANCE) == []


# -- beaconing


def connect(seconds: float, destination: str = "203.0.113.9", source: str = "h1") -> Connection:
    """Make a connection, so many seconds after the start."""
    return Connection(source, destination, 8443, 100, START + int(seconds * SECOND))


def test_beacon_is_reported_once_an_hour(driver: TopologyDriver) -> None:
    """It has jitter, a missed call, and several connections a call."""
    calls = [60 * n + n % 3 for n in range(80) if n != 7]
    pipe(driver, CONN_EVENTS, *(connect(each + d) for each in calls for d in (0, 0.5, 2)))
    first, second = published(driver, BEACONS)
    assert (first.source, first.destination, first.contacts) == ("h1", "203.0.113.9", 12)
    assert first.interval == pytest.approx(60 * SECOND, rel=0.01)
    assert 0 < first.variation < 0.05
    assert first.missed == 1
    assert second.time - first.time >= HOUR
    assert "12 contacts with 203.0.113.9:8443, one each" in first.explanation


def test_irregular_allowed_and_continuous_contacts_are_no_beacons(driver: TopologyDriver) -> None:
    """They are of people, of NTP clients, and of a stream that never pauses."""
    random, end = Random(5), 0.0
    for _ in range(60):
        end += 10 + random.expovariate(1 / 60)
        pipe(driver, CONN_EVENTS, connect(end, "people.example"))
    pipe(driver, CONN_EVENTS, *(connect(end + 64 * n, "1.pool.ntp.org") for n in range(40)))
    pipe(driver, CONN_EVENTS, *(connect(end + 2_600 + 5 * n, "stream") for n in range(400)))
    assert published(driver, BEACONS) == []


def test_scan_is_bounded_in_memory_and_hides_no_beacon(driver: TopologyDriver) -> None:
    """Destinations with the fewest contacts are evicted first."""
    scan = [connect(n / 3, f"10.{n // 250}.{n % 250}.1") for n in range(3_000)]
    calls = [connect(60 * n) for n in range(16)]
    pipe(driver, CONN_EVENTS, *sorted(scan + calls, key=lambda each: each.time))
    driver.settle()
    assert [each.destination for each in driver.topic(BEACONS)] == ["203.0.113.9"]
    known = sum(len(beacons.state_of(f"h1 {part}").pairs) for part in range(PARTS))
    assert known <= PARTS * beaconing().beacon_destinations


# -- hotel

#: One guest for each of the three partitions of guest-log, by murmur2.
PASSERS_BY = ["passer-by-0", "passer-by", "passer-by-5"]


def at(minutes: float) -> int:
    """Return an instant (ms), so many minutes after the start."""
    return START + int(minutes * MINUTE)


def advance_guests(driver: TopologyDriver, minutes: float) -> None:
    """Advance stream time of the guests in each partition of guest-log."""
    for passer_by in PASSERS_BY:
        pipe(driver, GUEST_EVENTS, Arrival(passer_by, f"x{minutes}", at(minutes)))


def test_unanswered_complaint_is_a_service_action(driver: TopologyDriver) -> None:
    """It is published at the promised time, with guest and room; an answered complaint is none."""
    pipe(driver, GUESTS, Guest("g1", "Ada", at(0)))
    driver.settle()
    pipe(
        driver,
        GUEST_EVENTS,
        Arrival("g1", "a1", at(0), "101"),
        Complaint("g1", "c1", "no towels", at(20)),
        Complaint("g1", "c2", "too loud", at(21)),
        Response("g1", at(29), "front desk", "c1"),
    )
    advance_guests(driver, 30)
    assert published(driver, SERVICE_ACTIONS) == []
    advance_guests(driver, 32)
    (action,) = published(driver, SERVICE_ACTIONS)
    assert (action.kind, action.request, action.time, action.room) == (
        "complaint",
        "c2",
        at(31),
        "101",
    )
    assert action.explanation == "Ada in 101 complained (too loud): no response within 10m"
    assert [each.id for each in stay_in(guests, "g1").open] == ["c2"]
    pipe(driver, GUEST_EVENTS, Response("g1", at(33), "front desk"))
    driver.settle()
    assert stay_in(guests, "g1").open == []


def test_response_at_the_deadline_is_too_late(driver: TopologyDriver) -> None:
    """A response a millisecond earlier is in time."""
    for name, answered in (("g1", at(10)), ("g2", at(10) - 1)):
        pipe(driver, GUEST_EVENTS, Complaint(name, "c", "cold", at(0)), Response(name, answered))
    advance_guests(driver, 20)
    assert [each.guest for each in published(driver, SERVICE_ACTIONS)] == ["g1"]


def test_vip_arrival_is_a_service_action_whenever_the_profile_arrives(
    driver: TopologyDriver,
) -> None:
    """The profile may be before the arrival, after it, or after the deadline."""
    pipe(driver, GUESTS, Guest("early", "Ada", at(-99_999), vip=True), Guest("plain", "Bob", at(0)))
    driver.settle()
    names = ("early", "tardy", "plain", "seen")
    pipe(driver, GUEST_EVENTS, *(Arrival(name, f"a-{name}", at(1), "7") for name in names))
    pipe(driver, GUEST_EVENTS, Response("seen", at(5)))
    advance_guests(driver, 10)
    (action,) = published(driver, SERVICE_ACTIONS)
    assert (action.guest, action.kind, action.time) == ("early", "vip-arrival", at(6))
    assert action.explanation == "Ada, a VIP, in 7 arrived: no response within 5m"
    pipe(driver, GUESTS, *(Guest(name, "Eve", at(2), vip=True) for name in ("tardy", "seen")))
    (action,) = published(driver, SERVICE_ACTIONS)
    assert (action.guest, action.time) == ("tardy", at(6))


def test_guest_queries_do_not_wait_for_the_grace(driver: TopologyDriver) -> None:
    """Reservations, changes, arrival, requests and latest events are returned at once."""
    pipe(driver, GUESTS, Guest("g1", "Ada", at(0), language="pl"))
    made = [
        Reservation("g1", "r1", "requested", at(1), "2026-01-02", 2),
        Reservation("g1", "r1", "confirmed", at(3), "2026-01-02", 3, "101"),
        Reservation("g1", "r1", "requested", at(2), "2026-01-02", 2),
        Arrival("g1", "a1", at(4), "101"),
    ]
    pipe(driver, GUEST_EVENTS, *made)
    driver.settle()
    stay = stay_in(guests, "g1")
    assert stay.profile is not None
    assert (stay.profile.name, stay.profile.language) == ("Ada", "pl")
    assert stay.reservations == [made[1]]
    assert (stay.arrived, stay.room, [each.id for each in stay.open]) == (at(4), "101", ["a1"])
    assert stay.events[0] == made[3]
    pipe(driver, GUEST_EVENTS, Departure("g1", at(5)))
    driver.settle()
    stay = stay_in(guests, "g1")
    assert (stay.arrived, stay.open) == (None, [])


def test_guest_with_a_deleted_profile_is_removed(driver: TopologyDriver) -> None:
    """So is the rest of the guest's state, also after a restart."""
    pipe(driver, GUESTS, Guest("g1", "Ada", at(0)))
    pipe(driver, GUEST_EVENTS, Complaint("g1", "c1", "cold", at(0)))
    driver.settle()
    driver.pipe_raw(GUESTS, b"g1", None, partition=0)
    driver.settle()
    driver.crash(lose_store=True)
    driver.settle()
    assert stay_in(guests, "g1") is None


def test_late_complaint_is_still_a_service_action(driver: TopologyDriver) -> None:
    """Its deadline is over: it is published on arrival, before an even later response."""
    advance_guests(driver, 60)
    driver.settle()
    pipe(driver, GUEST_EVENTS, Complaint("g1", "c1", "cold", at(5)), Response("g1", at(20)))
    (action,) = published(driver, SERVICE_ACTIONS)
    assert (action.request, action.time) == ("c1", at(15))
