"""Stateless operators and keyed tables: timers fire once, and worker failures do not show."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from door_alarms import (
    GRACE,
    LIMIT,
    RETENTION,
    Alarm,
    Building,
    Open,
    Opened,
    Passage,
    declare_building,
)
from hypothesis import given, settings
from worker_scenarios import LATER, SCENARIOS, Scenario, play

from app.market.records import Tick
from app.settings import Settings
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS

MINUTE = 60_000


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Building:
    """Declare an application."""
    return declare_building(Settings(APP_DATADIR=tmp_path_factory.mktemp("doors")))


@settings(max_examples=60)
@given(SCENARIOS)
def test_results_do_not_depend_on_worker_failures(building: Building, scenario: Scenario) -> None:
    """All records and rows of one partition are those of a run without failures."""
    undisturbed = outcome(building, scenario._replace(steps=[], commit_time=0))
    assert outcome(building, scenario) == undisturbed


def outcome(building: Building, scenario: Scenario) -> dict[str, Any]:
    """Play a scenario; return the records that a reader of all topics has in the end."""
    passages, table = building.passages, building.table

    def pipe(driver: TopologyDriver, tick: Tick | bytes) -> None:
        if isinstance(tick, bytes):
            driver.pipe_raw(passages, tick, tick)
        else:
            # The timers of one badge raise.
            badge = "broken" if tick.size % 4 == 0 else f"B{tick.size}"
            driver.pipe(passages, Passage(tick.symbol, badge, int(tick.price * 4) % 8, tick.time))

    with TopologyDriver(
        building.app, partitions=1, start=LATER, commit_time=scenario.commit_time
    ) as driver:
        play(driver, scenario, pipe)
        sent = defaultdict(list)
        for record in driver.records(building.by_badge):
            sent[record.partition].append((record.key, record.value, record.headers))
        return {
            "sent": dict(sent),
            "alarms": sorted(map(repr, driver.topic(building.alarms))),
            # Not by offset: transactions' markers take offsets of their own.
            "dead": sorted(
                (d.topic, d.stage, d.key, d.error, d.value or b"")
                for d in driver.topic(DEAD_LETTERS)
            ),
            "open": {key: table.rows_of(key) for key in table.keys()},  # noqa: SIM118
        }


def test_timer_fires_once_before_later_records(building: Building) -> None:
    """An alarm is raised when the watermark has reached it, and has its time."""
    opened = START + 1
    with TopologyDriver(building.app, partitions=1) as driver:
        driver.pipe(building.passages, Passage("front", "ann", 1, opened))
        driver.settle()
        # Of any badge of the same partition: stream time is the partition's.
        badge = same_partition(driver, building, "ann")
        driver.pipe(building.passages, Passage("back", badge, 0, opened + LIMIT + GRACE - 1))
        driver.settle()
        assert driver.topic(building.alarms) == []
        driver.pipe(building.passages, Passage("back", badge, 0, opened + LIMIT + GRACE))
        driver.settle()
        (alarm,) = driver.topic(building.alarms)
        assert alarm == Alarm(
            "ann", ["front"], LIMIT, opened + LIMIT, False, opened + LIMIT + GRACE
        )
        driver.pipe(building.passages, Passage("back", badge, 0, opened + 2 * LIMIT + GRACE))
        driver.settle()
        assert len(driver.topic(building.alarms)) == 1


def same_partition(driver: TopologyDriver, building: Building, badge: str) -> str:
    """Return another badge whose records go to the same partition."""
    (partition,) = {r.partition for r in driver.records(building.by_badge)}
    for number in range(20):
        other = f"{badge}-{number}"
        driver.pipe(building.passages, Passage("side", other, 2, START))
        driver.settle()
        if driver.records(building.by_badge)[-1].partition == partition:
            return other
    raise AssertionError


def test_cancelled_timer_never_fires(building: Building) -> None:
    """A door closed in time raises no alarm; nor does a deleted state."""
    with TopologyDriver(building.app, partitions=1) as driver:
        driver.pipe(building.passages, Passage("front", "ann", 1, START))
        driver.pipe(building.passages, Passage("front", "ann", 4, START + MINUTE))
        driver.pipe(building.passages, Passage("front", "ann", 4, START + RETENTION))
        driver.settle()
        assert driver.topic(building.alarms) == []
        assert building.table.state_of("ann").passages == 3


def test_state_is_deleted_after_its_retention(building: Building) -> None:
    """Its row is deleted too: a restart does not bring it back."""
    with TopologyDriver(building.app, partitions=1) as driver:
        driver.pipe(building.passages, Passage("front", "ann", 4, START))
        driver.settle()
        other = same_partition(driver, building, "ann")
        assert building.table.state_of("ann") is not None
        driver.pipe(building.passages, Passage("front", other, 4, START + RETENTION + GRACE))
        driver.settle()
        assert building.table.state_of("ann") is None
        driver.crash(lose_store=True)
        driver.settle()
        assert building.table.state_of("ann") is None
        assert building.table.state_of(other).passages == 1


def test_broadcast_state_is_available_in_each_partition(building: Building) -> None:
    """A limit applies to doors opened after it, also after a restart."""
    with TopologyDriver(building.app, partitions=1) as driver:
        driver.pipe(building.passages, Passage("S00", "all", 2, START))
        driver.settle()
        driver.crash(lose_store=True)
        driver.settle()
        for number in range(8):
            driver.pipe(building.passages, Passage("front", f"B{number}", 1, START))
        driver.settle()
        limits = {building.table.state_of(f"B{number}").limit for number in range(8)}
        assert limits == {LIMIT + 2 * MINUTE}


def test_sent_record_carries_its_source_and_event_time(building: Building) -> None:
    """A header has the coordinates of the record it was made of."""
    with TopologyDriver(building.app, partitions=1) as driver:
        driver.pipe(building.passages, Passage("front", "ann", 1, START + 7))
        driver.settle()
        (record,) = driver.records(building.by_badge)
        assert dict(record.headers) == {"source": b"passages-0-0"}
        assert driver.topic(building.by_badge) == [Opened("ann", "front", 1, START + 7)]


def test_record_for_an_undeclared_topic_is_rejected(building: Building) -> None:
    """The error names the outputs."""
    with pytest.raises(TypeError, match="by-badge can't send Alarm: its outputs are by-badge"):
        building.step.routes.topic_of(Alarm("a", [], 1, 2, False, 3), None)


def test_failing_timer_is_a_dead_letter_of_its_own(building: Building) -> None:
    """It is over, also after a restore; the record that let it fire and other timers count."""
    due = START + LIMIT
    with TopologyDriver(building.app, partitions=1) as driver:
        driver.pipe(building.passages, Passage("front", "broken", 1, START))
        driver.settle()
        early = same_partition(driver, building, "broken")
        # Either side of it, at the same instant and the next one.
        driver.pipe(building.passages, Passage("front", early, 1, START))
        driver.pipe(building.passages, Passage("back", early + "x", 1, START + 1))
        driver.settle()
        driver.pipe(building.passages, Passage("front", early, 5, due + GRACE + 1))
        driver.settle()
        (letter,) = driver.topic(DEAD_LETTERS)
        assert (letter.stage, letter.topic, letter.key) == ("timer", "by-badge", "broken")
        assert letter.value is None
        assert letter.error == (
            f"the timer of table doors for {due} raised ValueError: there is no alarm for it"
        )
        assert early in {alarm.badge for alarm in driver.topic(building.alarms)}
        assert building.table.state_of("broken") == Open(["front"], LIMIT, 1)
        # The passage that moved time counts.
        assert building.table.state_of(early).passages == 2

        driver.crash(lose_store=True)
        driver.pipe(building.passages, Passage("front", early, 4, due + GRACE + 2))
        driver.settle()
        assert len(driver.topic(DEAD_LETTERS)) == 1
        assert building.table.state_of("broken") == Open(["front"], LIMIT, 1)
        driver.pipe(building.passages, Passage("front", early, 4, START + RETENTION + GRACE))
        driver.settle()
        assert building.table.state_of("broken") is None


def test_computed_key_that_is_too_long_is_a_dead_letter(tmp_path: Path) -> None:
    """The dead letter has the length, and the next record is folded."""
    long, short = Passage("long", "a", 1, START), Passage("short", "a", 1, START)
    building = declare_building(Settings(APP_DATADIR=tmp_path))
    building.table.key = lambda record: record.door * 20_000 if record.door == "long" else "a"
    with TopologyDriver(building.app, partitions=1) as driver:
        driver.pipe(building.passages, long)
        driver.settle()
        driver.pipe(building.passages, short)
        driver.settle()
        (letter,) = driver.topic(DEAD_LETTERS)
        assert "the key has 80000 bytes, more than 65535" in letter.error
        assert building.table.state_of("a").doors == ["short"]
