"""Sessions of a partition, whatever becomes of it, against looking at all ticks again.

A real store; batches, checkpoints, publications and crashes where hypothesis puts them.
"""

from random import Random
from typing import NamedTuple

import pytest
from candle_truth import Truth, truth
from close_ticks import close_ticks
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive, PartitionDriver
from plans import MINUTE, PLANS, Step, follow, live, ticks
from raw_records import NOON, Raw, raw_tick
from session_truth import Kept, judged, sessions
from trails import (
    EMISSIONS,
    UNLUCKY,
    Definition,
    Seen,
    answers,
    assert_refused,
    assert_rows_are_the_changelog,
    declared,
    open_rows,
    rows,
    said_of,
    told,
)

from app.records import DeadLetter, Tick
from app.state import partition, session_state
from app.topics import CANDLES, DEAD_LETTERS
from app.windows import every_change, on_close
from app.worker import TickApp

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
    """What comes to a partition, and what becomes of it."""

    definition: Definition
    raw: list[Raw]
    plan: list[Step]


TICKS = close_ticks() | ticks()

LIVES = st.builds(Life, st.sampled_from(DEFINITIONS), TICKS, PLANS)


def gap_of(driver: PartitionDriver) -> int:
    """Give the gap of the table's sessions."""
    return driver.table.windows[0].size


def right(
    driver: PartitionDriver, facts: Truth, final_until: int | None = None
) -> dict[tuple[str, int], Seen]:
    """Give each session there has to be, by symbol and start."""
    if final_until is None:
        final_until = facts.stream_time - driver.table.grace
    gap = gap_of(driver)
    return sessions(judged(facts.kept, gap), gap, final_until)


def now(driver: PartitionDriver) -> Truth:
    """Give what became of the ticks folded so far."""
    return truth(driver.raw[: driver.folded], driver.table.grace)


def nothing_at(result: Seen) -> bool:
    """Say whether a result withdraws what was published under its start."""
    return result.final and result.count == result.late == 0 and result.end == result.start


def assert_published(driver: PartitionDriver, facts: Truth) -> None:
    """Readers who keep the highest revision of each start have the truth, and always had some."""
    results, expected = told(driver), right(driver, facts)
    if not driver.table.says_changes:
        expected = {key: session for key, session in expected.items() if session.final}
        assert all(result.final and result.count for result in results)
    last = {key: versions[-1] for key, versions in said_of(results, "start").items()}
    assert {key: result for key, result in last.items() if result.count} == expected
    for result in last.values():
        assert result.count or nothing_at(result)
    assert_each_was_true(results, driver, facts)
    if driver.table.says_every_change:
        changes = [result.last_offset for result in results if not result.final]
        assert changes == [event.offset for event in facts.kept]


def assert_each_was_true(results: list[Seen], driver: PartitionDriver, facts: Truth) -> None:
    """Each result was the session of its last record when that had come."""
    gap = gap_of(driver)
    kept = judged(facts.kept, gap)
    before: dict[int, list[Kept]] = {}
    for number, each in enumerate(kept, start=1):
        before[each.event.offset] = kept[:number]
    for result in results:
        until = result.end if result.final else -1
        known = sessions(before[result.last_offset], gap, until)
        mine = next(s for s in known.values() if s.last_offset == result.last_offset)
        if result.count:
            assert result == mine
        else:
            # What took the records over began earlier, and goes on from there.
            assert mine.symbol == result.symbol
            assert mine.start < result.start < mine.end
            assert result.revision == 2 * mine.last_offset + 1


def assert_readers_are_up_to_date(driver: PartitionDriver) -> None:
    """After a publication, what was folded before it is published, withdrawals too."""
    if driver.table.says_changes and not driver.state.behind:
        last = {(result.symbol, result.start): result for result in told(driver)}
        current = {key: result for key, result in last.items() if result.count}
        assert current == right(driver, now(driver))


def assert_answers(driver: PartitionDriver) -> None:
    """Queries see every record folded so far, wherever it is kept, and no other."""
    finalised, facts = driver.state.meta.finalised, now(driver)
    # A session that is closed goes when the retention has passed its start.
    limit = min(facts.stream_time - driver.table.retention, finalised)
    expected = right(driver, facts, finalised)
    for symbol in "ABC":
        assert answers(driver, symbol) == [
            session
            for key, session in sorted(expected.items())
            if key[0] == symbol and (not session.final or session.start >= limit)
        ]


def assert_rows(driver: PartitionDriver) -> None:
    """One row for each open session, one for each closed one that is kept; no other."""
    facts = now(driver)
    found = right(driver, facts, driver.state.meta.finalised).values()
    assert len(open_rows(driver)) == sum(not session.final for session in found)
    closed = {session.start for session in found if session.final}
    assert {int.from_bytes(row[-8:]) for row in rows(driver, 0, 1 << 60)} <= closed
    assert_rows_are_the_changelog(driver)


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
        with drive(table, life.raw) as driver:
            live(driver, life.plan)
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
    """Give a tick of 13 pieces in the place of another, every second one far ahead in time."""
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
        # Offsets tell the order of arrival, and are all that may differ.
        found.append(
            sorted(
                (s.symbol, s.start, s.end, s.count, sorted((t, size) for t, _, size in s.events))
                for s in finals
            )
        )
    assert found[0] == found[1]
    assert sum(count for _, _, _, count, _ in found[0]) == len(readable)


def numbered(order: list[Raw], names: list[Raw]) -> list[Raw]:
    """Give ticks of sizes that tell them apart, and a last one that closes all sessions."""
    last = Tick("A", 1.0, NOON + 48 * HOUR, 1)
    drawn = [
        Tick((tick.key or b"").decode(), 1.0, tick.timestamp, 100 + names.index(tick))
        for tick in order
    ]
    return [raw_tick(n, tick) for n, tick in enumerate([*drawn, last])]


# -- told as a reader would


class B(float):
    """Seconds of a tick of the symbol B."""


def at(*seconds: float) -> list[Raw]:
    """Give ticks so many seconds after noon, of the symbol A where nothing else is said."""
    ticks = (Tick("B" if type(s) is B else "A", 1.0, NOON + round(s * 1000), 1) for s in seconds)
    return [raw_tick(n, tick) for n, tick in enumerate(ticks)]


def story(results: list[Seen]) -> list[tuple[float, float, int, int, bool]]:
    """Give start and end (seconds after noon), count, late and finality."""
    return [
        ((s.start - NOON) / 1000, (s.end - NOON) / 1000, s.count, s.late, s.final) for s in results
    ]


def test_a_silence_of_exactly_the_gap_ends_a_session(application: TickApp, drive: Drive) -> None:
    """Intervals are half-open: one millisecond less, and the next tick joins."""
    table = declared(application, Definition("session 30s", 0, HOUR, on_close()))
    with drive(table, at(0, 29.999, 59.999, 60, 200)) as driver:
        driver.settle()
        assert story(told(driver)) == [(0, 59.999, 2, 0, True), (59.999, 90, 2, 0, True)]


def test_a_late_tick_bridges_two_sessions_and_the_later_one_is_withdrawn(
    application: TickApp, drive: Drive
) -> None:
    """Before the next result of what it was merged into, with a revision above all before it."""
    table = declared(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(0, 40, 20, 200)) as driver:
        driver.fold(2)
        driver.checkpoint()
        driver.fold(1)
        driver.checkpoint()
        assert story(told(driver)) == [
            (0, 30, 1, 0, False),
            (40, 70, 1, 0, False),
            (40, 40, 0, 0, True),
            (0, 70, 3, 0, False),
        ]
        assert [s.revision for s in told(driver)] == [0, 2, 5, 4]
        driver.settle()
        assert story(told(driver))[4:] == [(0, 70, 3, 0, True), (200, 230, 1, 0, False)]
        assert told(driver)[4].revision == 5


def test_a_session_that_grows_backwards_withdraws_its_former_start_after_a_crash_too(
    application: TickApp, drive: Drive
) -> None:
    """What was published stands in the row, so whoever owns the partition then knows it."""
    table = declared(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(40, 20, 10)) as driver:
        driver.fold(1)
        driver.checkpoint()
        driver.fold(1)
        driver.checkpoint(publish=False)
        driver.crash(store="lost")
        driver.fold(1)
        driver.snapshot()
        driver.crash()
        driver.settle()
        # The start at 20 s was never published, and is never withdrawn.
        assert story(told(driver)) == [
            (40, 70, 1, 0, False),
            (40, 40, 0, 0, True),
            (10, 70, 3, 0, False),
        ]


def test_a_start_published_after_its_checkpoint_is_withdrawn_too(
    application: TickApp, drive: Drive
) -> None:
    """The row knows of it, though nothing else in it has changed since it was written."""
    table = declared(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(40, 20)) as driver:
        driver.fold(1)
        driver.checkpoint(publish=False)
        driver.checkpoint()
        driver.crash()
        driver.settle()
        assert story(told(driver))[1:] == [(40, 40, 0, 0, True), (20, 70, 2, 0, False)]


def test_a_former_start_is_withdrawn_with_the_final_result_at_last(
    application: TickApp, drive: Drive
) -> None:
    """A session may change and close between two publications."""
    table = declared(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(40, 20, B(200))) as driver:
        driver.fold(1)
        driver.checkpoint()
        driver.settle()
        assert story(told(driver))[1:3] == [(40, 40, 0, 0, True), (20, 70, 2, 0, True)]


def test_a_session_that_was_published_on_close_only_withdraws_nothing(
    application: TickApp, drive: Drive
) -> None:
    """Nobody ever heard of the starts it had before."""
    table = declared(application, Definition("session 30s", MINUTE, HOUR, on_close()))
    with drive(table, at(40, 20, 0, 200)) as driver:
        for _ in range(4):
            driver.fold(1)
            driver.checkpoint()
        assert story(told(driver)) == [(0, 70, 3, 0, True)]


def test_every_change_is_said_with_the_record_that_made_it(
    application: TickApp, drive: Drive
) -> None:
    """In one batch, and with a checkpoint that publishes nothing else."""
    table = declared(application, Definition("session 30s", MINUTE, HOUR, every_change()))
    with drive(table, at(0, 40, 20)) as driver:
        driver.fold_rest()
        driver.checkpoint(publish=False)
        assert story(told(driver)) == [
            (0, 30, 1, 0, False),
            (40, 70, 1, 0, False),
            (40, 40, 0, 0, True),
            (0, 70, 3, 0, False),
        ]


def test_a_tick_is_late_for_a_session_that_had_ended_with_it(
    application: TickApp, drive: Drive
) -> None:
    """Stream time had passed the end that the session has with the tick, not the one before."""
    table = declared(application, Definition("session 30s", 5 * MINUTE, HOUR))
    # 35 s comes at 60 s and moves the end to 65 s; 10 s comes when that is over.
    with drive(table, at(0, 20, B(60), 35, B(100), 10)) as driver:
        driver.settle()
        assert story(answers(driver, "A")) == [(0, 65, 4, 1, False)]


def test_a_tick_at_the_very_end_of_its_session_is_late(application: TickApp, drive: Drive) -> None:
    """Windows are half-open: stream time that has reached the end has passed the session."""
    table = declared(application, Definition("session 30s", 5 * MINUTE, HOUR))
    for clock, late in [(39.999, 0), (40, 1)]:
        with drive(table, at(0, B(clock), 10)) as driver:
            driver.settle()
            assert story(answers(driver, "A")) == [(0, 40, 2, late, False)]


def test_a_bridge_adds_up_what_it_joins(application: TickApp, drive: Drive) -> None:
    """Records, late ones, and the lowest offset, which the later session may have."""
    table = declared(application, Definition("session 30s", 5 * MINUTE, HOUR))
    with drive(table, at(40, B(200), 41, 0, 1, 20)) as driver:
        driver.settle()
        (mine,) = answers(driver, "A")
        assert story([mine]) == [(0, 71, 5, 4, False)]
        assert (mine.first_offset, mine.last_offset) == (0, 5)


def test_a_session_longer_than_the_retention_is_published_and_leaves_nothing(
    application: TickApp, drive: Drive
) -> None:
    """Its row would start before what was looked through for expiry, so it gets none."""
    table = declared(application, Definition("session 1m", MINUTE, 2 * MINUTE))
    with drive(table, at(*range(0, 3600, 30), B(4000))) as driver:
        for _ in range(12):
            driver.fold(10)
            driver.checkpoint()
            assert len(rows(driver)) == 1
            assert [answer.start for answer in answers(driver, "A")] == [NOON]
        driver.settle()
        assert [story([s]) for s in told(driver) if s.final] == [[(0, 3630, 120, 0, True)]]
        assert answers(driver, "A") == []
        assert driver.state.span(b"A") is None
        assert len(rows(driver)) == 1


def test_a_long_time_takes_no_more_room_than_the_retention(
    application: TickApp, drive: Drive
) -> None:
    """New keys all the time, in the store and in memory; each is deleted with a tombstone."""
    table = declared(application, Definition("session 1m", MINUTE, 10 * MINUTE))
    raw = [raw_tick(n, Tick(f"K{n}", 1.0, NOON + n * MINUTE, 1)) for n in range(500)]
    with drive(table, raw) as driver:
        while driver.folded < len(raw):
            driver.fold(5)
            driver.checkpoint()
            assert len(rows(driver)) <= 10 + 5 + 3
            assert len(driver.state._sessions) <= 3
            assert len(driver.state._ends) <= 3
        assert len(rows(driver)) >= 10
        assert len(driver.state.all_keys()) == len(rows(driver))
        assert_rows_are_the_changelog(driver)


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


def test_what_waits_for_its_end_does_not_grow_with_the_records(
    application: TickApp, drive: Drive
) -> None:
    """A session has one entry, however often its end moves, and merged ones go with time."""
    table = declared(application, Definition("session 1m", 5 * MINUTE, HOUR))
    with drive(table, at(*(n // 2 + 40 * (n % 2) for n in range(2_000)))) as driver:
        driver.fold(1_000)
        driver.checkpoint()
        assert len(driver.state._ends) == 1
        driver.fold_rest()
        assert len(driver.state._ends) == 1


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
            assert table.newest("A", window, begin=0, end=1 << 60, limit=limit) == (
                of_a[-limit:] or None
            )
            assert table.span("A") == ((of_a[0].start, of_a[-1].end) if of_a else None)
            page = table.page(window, begin=begin, end=begin + length, limit=limit)
            assert [session for _, _, session in page] == asked[:limit]
            after = [(key, start) for key, start, _ in page][-1:]
            if after:
                following = table.page(
                    window, begin=begin, end=begin + length, limit=limit, after=after[0]
                )
                assert [s for _, _, s in following] == asked[len(page) :][:limit]
            assert table.rows_of("A") == of_a
        table.close(driver.state)
