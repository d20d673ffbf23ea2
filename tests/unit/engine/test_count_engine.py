"""Count windows of a partition under random crashes, compared with a brute-force oracle."""

from typing import NamedTuple

import pytest
from candle_truth import truth
from collected_events import (
    EMIT_STRATEGIES,
    UNFOLDABLE_SIZE,
    Definition,
    assert_late_and_dead_letters,
    assert_rows_are_the_changelog,
    declare_table,
    open_rows,
    published,
    rows,
)
from count_checks import (
    UNLIMITED_GRACE,
    assert_answers,
    assert_published,
    assert_ranges,
    truth_so_far,
)
from count_truth import key_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive
from plans import MINUTE, PLANS, Step, run_plan, run_step, ticks
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick
from app.worker import TickApp
from eventfold.engine import closed_windows, count_windows, partition, portion
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS

HOUR = 60 * MINUTE

DEFINITIONS = [
    Definition(window, 0, retention, emit)
    for window, retention in [
        ("count 1", HOUR),
        ("count 4", 24 * HOUR),
        ("count 3/1", HOUR),
        ("count 3/2", 24 * HOUR),
        ("count 6/4", 30 * MINUTE),
        ("count 5/2", 5 * MINUTE),
    ]
    for emit in EMIT_STRATEGIES
]


class Scenario(NamedTuple):
    """Definition, records and plan of a partition."""

    definition: Definition
    raw: list[Raw]
    plan: list[Step]


SCENARIOS = st.builds(Scenario, st.sampled_from(DEFINITIONS), ticks(), PLANS)


@settings(max_examples=80)
@given(SCENARIOS)
def test_each_count_window_holds_its_records_in_arrival_order_after_any_crash(
    application: TickApp, drive: Drive, scenario: Scenario
) -> None:
    """Compares all fields of all results, finals, late records, queries and rows."""
    table = declare_table(application, scenario.definition)
    with drive(table, scenario.raw) as driver:
        for step in scenario.plan:
            run_step(driver, step)
            assert_answers(driver)
        driver.settle()
        facts = truth(scenario.raw, UNLIMITED_GRACE)
        assert_published(driver, facts)
        assert_late_and_dead_letters(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        for _ in range(2):
            assert_answers(driver)
            assert_rows_are_the_changelog(driver)
            driver.crash(store="lost")
        before = len(published(driver))
        driver.settle()
        assert len(published(driver)) == before


@settings(max_examples=40)
@given(SCENARIOS, st.integers(-15, 60), st.integers(0, 30 * MINUTE))
def test_a_time_range_query_includes_its_begin_and_excludes_its_end(
    application: TickApp, drive: Drive, scenario: Scenario, minute: int, length: int
) -> None:
    """From store and memory together, though windows share starts and rows are small."""
    begin = NOON + minute * MINUTE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closed_windows, "FULL", 1)
        with drive(declare_table(application, scenario.definition), scenario.raw) as driver:
            for step in scenario.plan:
                run_step(driver, step)
                assert_answers(driver)
                assert_ranges(driver, begin, begin + length)


@settings(max_examples=40)
@given(SCENARIOS, st.sets(st.integers(0, 39), max_size=5))
def test_a_tick_that_raises_is_a_dead_letter_and_changes_nothing_else(
    application: TickApp, drive: Drive, scenario: Scenario, unfoldable: set[int]
) -> None:
    """It isn't counted, moves no stream time and begins no window."""
    table = declare_table(application, scenario.definition)
    raw = [
        with_size_13(tick, n) if n in unfoldable else tick for n, tick in enumerate(scenario.raw)
    ]
    rejected = {record.offset for n, record in enumerate(raw) if n in unfoldable}
    with drive(table, raw) as driver:
        run_plan(driver, scenario.plan)
        facts = truth(raw, UNLIMITED_GRACE, rejected)
        assert_published(driver, facts)
        assert_late_and_dead_letters(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        letters = driver.written(DEAD_LETTERS, DeadLetter)
    errors = [letter.error for letter in letters if letter.stage == table.name]
    assert errors == ["ArithmeticError: thirteen"] * len(rejected)


def with_size_13(record: Raw, number: int) -> Raw:
    """Replace a tick by one of size 13, every second one far ahead in time."""
    time = record.timestamp + number % 2 * 30 * MINUTE
    return raw_tick(record.offset, Tick("ABC"[number % 3], 1.5, time, UNFOLDABLE_SIZE))


@settings(max_examples=40)
@given(SCENARIOS)
def test_expired_rows_are_deleted_in_slices_and_completely(
    application: TickApp, drive: Drive, scenario: Scenario
) -> None:
    """Rows of old windows and of expired symbols alike; when makes no difference to results."""
    table = declare_table(application, scenario.definition._replace(retention=5 * MINUTE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(count_windows, "SLICE", 1)
        patch.setattr(portion, "RESULTS", 2)
        patch.setattr(partition, "EXPIRE_SLICE", 3)
        with drive(table, scenario.raw) as driver:
            run_plan(driver, scenario.plan)
            for _ in scenario.raw:
                driver.checkpoint()
            facts = truth_so_far(driver)
            assert_published(driver, facts)
            assert_answers(driver)
            kept = [part for part in key_runs(facts.kept, table.retention) if part.is_current]
            assert {row[2:-8] for row in open_rows(driver)} == {
                part.events[0].tick.symbol.encode() for part in kept
            }
            limit = facts.stream_time - table.retention
            assert all(int.from_bytes(row[-8:]) >= limit for row in rows(driver, 0, 1 << 60))


@pytest.mark.parametrize(("beyond", "windows"), [(-1, 1), (0, 1), (1, 0)])
def test_an_open_count_window_is_read_until_its_retention_is_over(
    application: TickApp, drive: Drive, beyond: int, windows: int
) -> None:
    """Counted from its last record to the stream time, to the millisecond."""
    table = declare_table(application, Definition("count 4", 0, HOUR, EMIT_STRATEGIES[0]))
    raw = [
        raw_tick(0, Tick("A", 1.5, NOON, 1)),
        raw_tick(1, Tick("B", 1.5, NOON + HOUR + beyond, 1)),
    ]
    with drive(table, raw) as driver:
        driver.fold_rest()
        assert len(driver.state.rows_of(b"A")) == windows
