"""Sessions of a partition, whatever becomes of it, against all ticks again.

A real store; batches, checkpoints, publications and crashes where hypothesis puts them.
"""

from itertools import islice
from random import Random
from typing import NamedTuple

import pytest
from candle_truth import truth
from close_ticks import close_ticks
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive
from plans import MINUTE, PLANS, Step, follow, live, ticks
from raw_records import NOON, Raw, raw_tick
from session_checks import (
    assert_answers,
    assert_nothing_open_passes_for_final,
    assert_published,
    assert_readers_are_up_to_date,
    assert_rows,
    now,
    right,
)
from table_pages import page as page_of
from trails import EMISSIONS, UNLUCKY, Definition, assert_refused, declared, rows, told

from app.market.records import Tick
from app.market.topics import CANDLES
from app.worker import TickApp
from eventfold.engine import partition, portion, session_state
from eventfold.engine.window_table import place_of
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS

HOUR = 60 * MINUTE

DEFINITIONS = [
    Definition(window, grace, retention, emission)
    for window, grace, retention in [
        ("session 1m", 0, HOUR),
        ("session 1m", 5 * MINUTE, 24 * HOUR),
        ("session 90s", 5 * MINUTE, 6 * MINUTE + 30_000),
        ("session 5m", 12 * MINUTE, 17 * MINUTE),
    ]
    for emission in EMISSIONS
]


class Life(NamedTuple):
    """Records of a partition, and what happens to it."""

    definition: Definition
    raw: list[Raw]
    plan: list[Step]


TICKS = close_ticks() | ticks()

LIVES = st.builds(Life, st.sampled_from(DEFINITIONS), TICKS, PLANS)


@settings(max_examples=80)
@given(LIVES)
def test_whatever_happens_each_session_is_made_of_what_was_accepted(
    application: TickApp, drive: Drive, life: Life
) -> None:
    """Every field of every result; finals once; withdrawals; late ticks once; queries; rows."""
    table = declared(application, life.definition)
    with drive(table, life.raw) as driver:
        for step in life.plan:
            follow(driver, step)
            assert_answers(driver)
            if step.event == "publication":
                assert_readers_are_up_to_date(driver)
        driver.settle()
        facts = truth(life.raw, table.grace)
        assert_published(driver, facts)
        assert_refused(driver, facts)
        for _ in range(2):
            assert_answers(driver)
            assert_rows(driver)
            driver.crash(store="lost")
        # It has nothing to add.
        before = len(told(driver))
        driver.settle()
        assert len(told(driver)) == before


@settings(max_examples=40)
@given(LIVES)
def test_a_leap_in_time_is_published_in_slices_and_completely(
    application: TickApp, drive: Drive, life: Life
) -> None:
    """What becomes final and is too much for one publication follows, also after a crash."""
    table = declared(application, life.definition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_state, "SLICE", 1)
        patch.setattr(portion, "RESULTS", 2)
        with drive(table, life.raw) as driver:
            for step in life.plan:
                follow(driver, step)
                assert_nothing_open_passes_for_final(driver)
            driver.settle()
            facts = truth(life.raw, table.grace)
            assert_published(driver, facts)
            assert_refused(driver, facts)
            assert_answers(driver)
            assert driver.state.meta.finalised == max(0, facts.stream_time - table.grace)
            per_commit = [out.commit for out in driver.outputs.get(CANDLES.name, ())]
            finals = [
                commit
                for commit, result in zip(per_commit, told(driver), strict=True)
                if result.final and result.count
            ]
            assert len(finals) == len(set(finals))


@settings(max_examples=40)
@given(LIVES, st.sets(st.integers(0, 39), max_size=5))
def test_a_tick_that_cant_be_folded_is_a_dead_letter_and_leaves_no_trace(
    application: TickApp, drive: Drive, life: Life, unlucky: set[int]
) -> None:
    """It moves no clock, bridges nothing, though its time may be ahead of all."""
    table = declared(application, life.definition)
    raw = [with_thirteen(tick, n) if n in unlucky else tick for n, tick in enumerate(life.raw)]
    refused = {record.offset for n, record in enumerate(raw) if n in unlucky}
    with drive(table, raw) as driver:
        live(driver, life.plan)
        facts = truth(raw, table.grace, refused)
        assert_published(driver, facts)
        assert_refused(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        assert sum(driver.state.meta.lateness.values()) == len(facts.kept) + len(facts.late)
        errors = [
            letter.error
            for letter in driver.written(DEAD_LETTERS, DeadLetter)
            if letter.stage == table.name
        ]
    assert set(errors) <= {"ArithmeticError: thirteen"}


def with_thirteen(record: Raw, number: int) -> Raw:
    """Replace a tick by one of size 13, every second one far ahead in time."""
    time = record.timestamp + number % 2 * 30 * MINUTE
    return raw_tick(record.offset, Tick("ABC"[number % 3], 1.5, time, UNLUCKY))


@settings(max_examples=40)
@given(LIVES, st.randoms(use_true_random=False))
def test_any_order_that_respects_grace_gives_the_same_sessions(
    application: TickApp, drive: Drive, life: Life, random: Random
) -> None:
    """A grace of a day keeps all ticks, in any order; start, end, count and ticks agree."""
    table = declared(application, life.definition._replace(grace=24 * HOUR, retention=48 * HOUR))
    readable = [tick for tick in life.raw if tick.value != b"?"]
    shuffled = random.sample(readable, len(readable))
    found = []
    for order in (readable, shuffled):
        with drive(table, numbered(order, readable)) as driver:
            live(driver, life.plan)
            finals = [result for result in told(driver) if result.final and result.count]
        # Offsets follow the order of arrival, and are all that may differ.
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
def test_rows_expire_whatever_happens(
    application: TickApp, drive: Drive, raw: list[Raw], plan: list[Step]
) -> None:
    """In slices, after crashes and leaps: none is forgotten."""
    table = declared(application, Definition("session 1m", MINUTE, 2 * MINUTE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "EXPIRE_SLICE", 3)
        with drive(table, raw) as driver:
            live(driver, plan)
            for _ in raw:
                driver.checkpoint()
            limit = driver.state.meta.stream_time - table.retention
            assert all(int.from_bytes(row[-8:]) >= limit for row in rows(driver))
            assert_answers(driver)


class Question(NamedTuple):
    """A range of time: begin, length (ms); and how many sessions."""

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
@given(LIVES, QUESTIONS)
def test_a_table_answers_by_range_newest_and_page(
    application: TickApp, drive: Drive, life: Life, question: Question
) -> None:
    """Of store and memory together, at any time: sessions with begin <= start < end."""
    definition = life.definition._replace(retention=7 * 24 * HOUR)
    table = declared(application, definition)
    (window,) = table.windows
    begin, length, limit = question
    with drive(table, life.raw) as driver:
        table.open(driver.state)
        for step in life.plan:
            follow(driver, step)
            table.close(driver.state)
            table.open(driver.state)
            found = right(driver, now(driver), driver.state.meta.finalised)
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
