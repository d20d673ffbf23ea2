"""Sessions of a partition under random crashes, compared with a brute-force oracle.

The store is real; hypothesis draws batches, checkpoints, publications and crashes.
"""

from itertools import islice
from random import Random
from typing import NamedTuple

import pytest
from candle_truth import truth
from close_ticks import close_ticks
from collected_events import (
    EMIT_STRATEGIES,
    UNFOLDABLE_SIZE,
    Definition,
    assert_late_and_dead_letters,
    declare_table,
    published,
    rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive
from plans import MINUTE, PLANS, Step, run_plan, run_step, ticks
from raw_records import NOON, Raw, raw_tick
from session_checks import (
    assert_answers,
    assert_ended_sessions_are_closed,
    assert_published,
    assert_results_are_current,
    assert_rows,
    expected_sessions,
    truth_so_far,
)
from table_pages import page as page_of

from app.market.records import Tick
from app.market.topics import CANDLES
from app.worker import TickApp
from eventfold.engine import partition, portion, session_windows
from eventfold.engine.window_table import place_of
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS

HOUR = 60 * MINUTE

DEFINITIONS = [
    Definition(window, grace, retention, emit)
    for window, grace, retention in [
        ("session 1m", 0, HOUR),
        ("session 1m", 5 * MINUTE, 24 * HOUR),
        ("session 90s", 5 * MINUTE, 6 * MINUTE + 30_000),
        ("session 5m", 12 * MINUTE, 17 * MINUTE),
    ]
    for emit in EMIT_STRATEGIES
]


class Scenario(NamedTuple):
    """Definition, records and plan of a partition."""

    definition: Definition
    raw: list[Raw]
    plan: list[Step]


TICKS = close_ticks() | ticks()

SCENARIOS = st.builds(Scenario, st.sampled_from(DEFINITIONS), TICKS, PLANS)


@settings(max_examples=80)
@given(SCENARIOS)
def test_each_session_holds_its_accepted_ticks_after_any_crash(
    application: TickApp, drive: Drive, scenario: Scenario
) -> None:
    """Compares all fields of all results, finals, withdrawals, late ticks, queries and rows."""
    table = declare_table(application, scenario.definition)
    with drive(table, scenario.raw) as driver:
        for step in scenario.plan:
            run_step(driver, step)
            assert_answers(driver)
            if step.event == "publication":
                assert_results_are_current(driver)
        driver.settle()
        facts = truth(scenario.raw, table.grace)
        assert_published(driver, facts)
        assert_late_and_dead_letters(driver, facts)
        for _ in range(2):
            assert_answers(driver)
            assert_rows(driver)
            driver.crash(store="lost")
        # Nothing more is published.
        before = len(published(driver))
        driver.settle()
        assert len(published(driver)) == before


@settings(max_examples=40)
@given(SCENARIOS)
def test_results_of_a_leap_in_time_are_published_in_slices(
    application: TickApp, drive: Drive, scenario: Scenario
) -> None:
    """Final results beyond one publication follow in the next ones, also after a crash."""
    table = declare_table(application, scenario.definition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_windows, "SLICE", 1)
        patch.setattr(portion, "RESULTS", 2)
        with drive(table, scenario.raw) as driver:
            for step in scenario.plan:
                run_step(driver, step)
                assert_ended_sessions_are_closed(driver)
            driver.settle()
            facts = truth(scenario.raw, table.grace)
            assert_published(driver, facts)
            assert_late_and_dead_letters(driver, facts)
            assert_answers(driver)
            assert driver.state.meta.finalised == max(0, facts.stream_time - table.grace)
            per_commit = [out.commit for out in driver.outputs.get(CANDLES.base_name, ())]
            finals = [
                commit
                for commit, result in zip(per_commit, published(driver), strict=True)
                if result.final and result.count
            ]
            assert len(finals) == len(set(finals))


@settings(max_examples=40)
@given(SCENARIOS, st.sets(st.integers(0, 39), max_size=5))
def test_a_tick_that_raises_is_a_dead_letter_and_changes_nothing_else(
    application: TickApp, drive: Drive, scenario: Scenario, unfoldable: set[int]
) -> None:
    """It moves no stream time and merges no sessions, though it may be ahead of all."""
    table = declare_table(application, scenario.definition)
    raw = [
        with_size_13(tick, n) if n in unfoldable else tick for n, tick in enumerate(scenario.raw)
    ]
    rejected = {record.offset for n, record in enumerate(raw) if n in unfoldable}
    with drive(table, raw) as driver:
        run_plan(driver, scenario.plan)
        facts = truth(raw, table.grace, rejected)
        assert_published(driver, facts)
        assert_late_and_dead_letters(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        assert sum(driver.state.meta.lateness.values()) == len(facts.kept) + len(facts.late)
        errors = [
            letter.error
            for letter in driver.written(DEAD_LETTERS, DeadLetter)
            if letter.stage == table.name
        ]
    assert set(errors) <= {"ArithmeticError: thirteen"}


def with_size_13(record: Raw, number: int) -> Raw:
    """Replace a tick by one of size 13, every second one far ahead in time."""
    time = record.timestamp + number % 2 * 30 * MINUTE
    return raw_tick(record.offset, Tick("ABC"[number % 3], 1.5, time, UNFOLDABLE_SIZE))


@settings(max_examples=40)
@given(SCENARIOS, st.randoms(use_true_random=False))
def test_any_order_within_the_grace_makes_the_same_sessions(
    application: TickApp, drive: Drive, scenario: Scenario, random: Random
) -> None:
    """A grace of a day accepts all ticks, in any order; start, end, count and ticks agree."""
    table = declare_table(
        application, scenario.definition._replace(grace=24 * HOUR, retention=48 * HOUR)
    )
    readable = [tick for tick in scenario.raw if tick.value != b"?"]
    shuffled = random.sample(readable, len(readable))
    found = []
    for order in (readable, shuffled):
        with drive(table, numbered(order, readable)) as driver:
            run_plan(driver, scenario.plan)
            finals = [result for result in published(driver) if result.final and result.count]
        # Offsets follow the order of arrival; nothing else may differ.
        found.append(
            sorted(
                (s.symbol, s.start, s.end, s.count, sorted((t, size) for t, _, size in s.events))
                for s in finals
            )
        )
    assert found[0] == found[1]
    assert sum(count for _, _, _, count, _ in found[0]) == len(readable)


def numbered(order: list[Raw], names: list[Raw]) -> list[Raw]:
    """Return ticks with sizes that identify them, and a last one that closes all sessions."""
    last = Tick("A", 1.0, NOON + 48 * HOUR, 1)
    drawn = [
        Tick((tick.key or b"").decode(), 1.0, tick.timestamp, 100 + names.index(tick))
        for tick in order
    ]
    return [raw_tick(n, tick) for n, tick in enumerate([*drawn, last])]


@settings(max_examples=40)
@given(TICKS, PLANS)
def test_expired_rows_are_deleted_completely_despite_crashes(
    application: TickApp, drive: Drive, raw: list[Raw], plan: list[Step]
) -> None:
    """In slices, after crashes and leaps in time."""
    table = declare_table(application, Definition("session 1m", MINUTE, 2 * MINUTE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "EXPIRE_SLICE", 3)
        with drive(table, raw) as driver:
            run_plan(driver, plan)
            for _ in raw:
                driver.checkpoint()
            limit = driver.state.meta.stream_time - table.retention
            assert all(int.from_bytes(row[-8:]) >= limit for row in rows(driver))
            assert_answers(driver)


class Question(NamedTuple):
    """A range query: begin, length (ms), and at most so many sessions."""

    begin: int
    length: int
    limit: int


QUESTIONS = st.builds(
    Question,
    st.integers(-5, 60).map(lambda minute: NOON + minute * MINUTE),
    st.integers(0, 30 * MINUTE),
    st.integers(1, 4),
)


@settings(max_examples=40)
@given(SCENARIOS, QUESTIONS)
def test_a_table_answers_by_range_newest_and_page(
    application: TickApp, drive: Drive, scenario: Scenario, question: Question
) -> None:
    """From store and memory together, at any time: sessions with begin <= start < end."""
    definition = scenario.definition._replace(retention=7 * 24 * HOUR)
    table = declare_table(application, definition)
    (window,) = table.windows
    begin, length, limit = question
    with drive(table, scenario.raw) as driver:
        table.open(driver.state)
        for step in scenario.plan:
            run_step(driver, step)
            table.close(driver.state)
            table.open(driver.state)
            found = expected_sessions(driver, truth_so_far(driver), driver.state.meta.finalised)
            every = [session for _, session in sorted(found.items())]
            asked = [s for s in every if begin <= s.start < begin + length]
            of_a = [s for s in every if s.symbol == "A"]
            assert table.read("A", window, begin, begin + length) == [
                s for s in asked if s.symbol == "A"
            ]
            newest = islice(table.newest_first("A", window, 0, 1 << 60), limit)
            assert list(newest) == of_a[: -limit - 1 : -1]
            assert list(table.each_row("A")) == of_a
            assert table.span("A") == ((of_a[0].start, of_a[-1].end) if of_a else None)
            page = page_of(table, window, begin=begin, end=begin + length, limit=limit)
            assert [table.record(result) for result in page] == asked[:limit]
            if page:
                following = page_of(
                    table,
                    window,
                    begin=begin,
                    end=begin + length,
                    limit=limit,
                    after=place_of(page[-1]),
                )
                assert [table.record(r) for r in following] == asked[len(page) :][:limit]
            assert table.rows_of("A") == of_a
        table.close(driver.state)
