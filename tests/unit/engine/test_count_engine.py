"""Count windows of a partition, whatever becomes of it, against all ticks again."""

from typing import NamedTuple

import pytest
from candle_truth import truth
from count_checks import ANY, assert_answers, assert_published, assert_ranges, now
from count_truth import lives
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive
from plans import MINUTE, PLANS, Step, follow, live, ticks
from raw_records import NOON, Raw, raw_tick
from trails import (
    EMISSIONS,
    UNLUCKY,
    Definition,
    assert_refused,
    assert_rows_are_the_changelog,
    declared,
    open_rows,
    rows,
    told,
)

from app.market.records import Tick
from app.worker import TickApp
from eventfold.engine import closed_windows, count_state, partition, portion
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS

HOUR = 60 * MINUTE

DEFINITIONS = [
    Definition(window, 0, retention, emission)
    for window, retention in [
        ("count 1", HOUR),
        ("count 4", 24 * HOUR),
        ("count 3/1", HOUR),
        ("count 3/2", 24 * HOUR),
        ("count 6/4", 30 * MINUTE),
        ("count 5/2", 5 * MINUTE),
    ]
    for emission in EMISSIONS
]


class Life(NamedTuple):
    """Records of a partition, and what happens to it."""

    definition: Definition
    raw: list[Raw]
    plan: list[Step]


LIVES = st.builds(Life, st.sampled_from(DEFINITIONS), ticks(), PLANS)


@settings(max_examples=80)
@given(LIVES)
def test_whatever_happens_each_window_holds_so_many_records_in_order_of_arrival(
    application: TickApp, drive: Drive, life: Life
) -> None:
    """Every field of every result; finals once; nothing is late; queries; rows."""
    table = declared(application, life.definition)
    with drive(table, life.raw) as driver:
        for step in life.plan:
            follow(driver, step)
            assert_answers(driver)
        driver.settle()
        facts = truth(life.raw, ANY)
        assert_published(driver, facts)
        assert_refused(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        for _ in range(2):
            assert_answers(driver)
            assert_rows_are_the_changelog(driver)
            driver.crash(store="lost")
        before = len(told(driver))
        driver.settle()
        assert len(told(driver)) == before


@settings(max_examples=40)
@given(LIVES, st.integers(-15, 60), st.integers(0, 30 * MINUTE))
def test_a_range_of_time_is_asked_for_half_open(
    application: TickApp, drive: Drive, life: Life, minute: int, length: int
) -> None:
    """Of store and memory together, though windows share starts and rows are small."""
    begin = NOON + minute * MINUTE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closed_windows, "FULL", 1)
        with drive(declared(application, life.definition), life.raw) as driver:
            for step in life.plan:
                follow(driver, step)
                assert_answers(driver)
                assert_ranges(driver, begin, begin + length)


@settings(max_examples=40)
@given(LIVES, st.sets(st.integers(0, 39), max_size=5))
def test_a_tick_that_cant_be_folded_is_a_dead_letter_and_leaves_no_trace(
    application: TickApp, drive: Drive, life: Life, unlucky: set[int]
) -> None:
    """It isn't counted, moves no clock, and nothing begins anew with it."""
    table = declared(application, life.definition)
    raw = [with_thirteen(tick, n) if n in unlucky else tick for n, tick in enumerate(life.raw)]
    refused = {record.offset for n, record in enumerate(raw) if n in unlucky}
    with drive(table, raw) as driver:
        live(driver, life.plan)
        facts = truth(raw, ANY, refused)
        assert_published(driver, facts)
        assert_refused(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        letters = driver.written(DEAD_LETTERS, DeadLetter)
    errors = [letter.error for letter in letters if letter.stage == table.name]
    assert errors == ["ArithmeticError: thirteen"] * len(refused)


def with_thirteen(record: Raw, number: int) -> Raw:
    """Replace a tick by one of size 13, every second one far ahead in time."""
    time = record.timestamp + number % 2 * 30 * MINUTE
    return raw_tick(record.offset, Tick("ABC"[number % 3], 1.5, time, UNLUCKY))


@settings(max_examples=40)
@given(LIVES)
def test_what_is_forgotten_goes_in_slices_and_completely(
    application: TickApp, drive: Drive, life: Life
) -> None:
    """Rows of old windows and of forgotten symbols alike; when they go makes no difference."""
    table = declared(application, life.definition._replace(retention=5 * MINUTE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(count_state, "SLICE", 1)
        patch.setattr(portion, "RESULTS", 2)
        patch.setattr(partition, "EXPIRE_SLICE", 3)
        with drive(table, life.raw) as driver:
            live(driver, life.plan)
            for _ in life.raw:
                driver.checkpoint()
            facts = now(driver)
            assert_published(driver, facts)
            assert_answers(driver)
            kept = [part for part in lives(facts.kept, table.retention) if part.goes_on]
            assert {row[2:-8] for row in open_rows(driver)} == {
                part.events[0].tick.symbol.encode() for part in kept
            }
            limit = facts.stream_time - table.retention
            assert all(int.from_bytes(row[-8:]) >= limit for row in rows(driver, 0, 1 << 60))
