"""fraud, maintenance, beaconing and hotel are exact although their worker is killed.

All four run at once, in one worker that is killed in the middle. Together they get as many
records as a run has by default; each gets RECORDS where that is set.
"""

import os
import time
from heapq import merge
from itertools import islice

import pytest
import truth
from beacon_truth import beacons
from crash_run import RECORDS, CrashRun, crash_run
from fraud_truth import alerts
from hotel_truth import service_actions
from maintenance_truth import maintenance
from partition_log import Entry, differences
from workers import Market

from app.hotel.topics import GUEST_LOG
from app.simulations import simulation
from eventfold.connectors.simulations import Sent

#: Records of each pipeline.
EACH = RECORDS if "RECORDS" in os.environ else RECORDS // 4
#: Simulated records per second: few cards and machines, with long histories.
RATE = 1.5
SIMULATIONS = ("connections", "payments", "machines", "guests")
OUTPUTS = ["alerts", "maintenance", "beacons", "service-actions"]

pytestmark = pytest.mark.timeout(120 + RECORDS / 50)


def sent() -> list[Sent]:
    """Return the records of all four in the order they arrive; the last of them is an hour old."""
    start = int((time.time() - 3_600 - 1.3 * EACH / RATE) * 1000)
    made = (islice(simulation(name).make(7, RATE, start), EACH) for name in SIMULATIONS)
    return list(merge(*made, key=lambda each: each[1][2]))


def entries(market: Market, topic: str) -> list[Entry]:
    """Return the committed records of a topic."""
    found = truth.read(market.bootstrap, topic)
    return [Entry(each.partition(), each.offset(), each.value()) for each in found]


@pytest.fixture(scope="module")
def run(market: Market) -> CrashRun:
    """Run all four over the same time, with one kill -9."""
    pipelines = "fraud,maintenance,beaconing,hotel"
    done = crash_run(market, pipelines, sent(), outputs=[*OUTPUTS, "dead-letters"])
    found = {name: len(each) for name, each in done.outputs.items()}
    print(f"\n{EACH:,} records each, {done.in_flight:,} in flight at the kill: {found}")  # noqa: T201  # figures
    assert done.in_flight > 0
    return done


def test_each_fraud_alert_is_published_once(market: Market, run: CrashRun) -> None:
    """Alerts equal those of each card's payments in order of event time."""
    right = alerts(entries(market, "payments"))
    assert {each["rule"] for each in right} == {"velocity", "distance", "amount"}
    assert differences(right, run.values("alerts"), "partition", "offset", "rule") == []
    assert all(
        each.source.startswith(f"payments-{each.value['partition']}-")
        for each in run.outputs["alerts"]
    )


def test_each_maintenance_notice_is_published_once(market: Market, run: CrashRun) -> None:
    """Notices equal those of each machine's readings in order of event time."""
    right = maintenance(entries(market, "readings"))
    assert {each["kind"] for each in right} == {"drift", "spike", "silence", "back"}
    found = run.values("maintenance")
    assert differences(right, found, "partition", "time", "kind", "sensor", "machine") == []


def test_each_beacon_is_published_once(market: Market, run: CrashRun) -> None:
    """Beacons equal those of each pair's connections in order of event time."""
    right = beacons(entries(market, "conn-events"))
    assert right
    assert differences(right, run.values("beacons"), "partition", "offset") == []


def test_each_service_action_is_published_once(market: Market, run: CrashRun) -> None:
    """Actions equal those of profiles and events in the order of their merged log."""
    right = service_actions(entries(market, market.name_of(GUEST_LOG)))
    assert {each["kind"] for each in right} == {"complaint", "vip-arrival"}
    assert differences(right, run.values("service-actions"), "partition", "offset") == []


def test_profiles_and_events_are_merged_into_one_log_once(market: Market, run: CrashRun) -> None:
    """All readable records of both topics are in it, none of them twice."""
    log = truth.read(market.bootstrap, market.name_of(GUEST_LOG))
    sources = [dict(each.headers())["source"].decode() for each in log]
    assert len(set(sources)) == len(sources)
    dead = {f"{d['topic']}-{d['partition']}-{d['offset']}" for d in run.values("dead-letters")}
    came = {
        f"{topic}-{each.partition}-{each.offset}"
        for topic in ("guests", "guest-events")
        for each in entries(market, topic)
    }
    assert set(sources) == came - dead


def test_late_or_unreadable_record_is_a_dead_letter_with_its_reason(run: CrashRun) -> None:
    """No record is dropped silently."""
    errors = [each["error"] for each in run.values("dead-letters")]
    assert any("behind stream time" in error for error in errors)
    assert all(
        "behind stream time" in e or "ValidationError" in e or "DecodeError" in e for e in errors
    )


def test_any_worker_returns_the_latest_results_of_all(market: Market, run: CrashRun) -> None:
    """The newest are first, from the partitions of both workers; guests have their stay."""
    with market.workers(2, TICKSTREAM_PIPELINES="fraud,maintenance,beaconing,hotel") as workers:
        for name in OUTPUTS:
            newest = sorted((each["time"] for each in run.values(name)), reverse=True)[:5]
            for worker in workers:
                status, answered = worker.get(f"/api/{name}?limit=5")
                assert status == 200
                assert [each["time"] for each in answered] == newest
                assert all(each in run.values(name) for each in answered)
        action = run.values("service-actions")[-1]
        for worker in workers:
            status, stay = worker.get(f"/api/guests/{action['guest']}")
            assert status == 200
            assert stay["reservations"][0]["status"] in {"confirmed", "cancelled"}
            assert stay["profile"] is None or stay["profile"]["name"] == action["name"]
        assert workers[0].get("/api/guests/nobody")[0] == 404
