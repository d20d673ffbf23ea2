"""Count windows of a partition, whatever becomes of it, against looking at all ticks again."""

from typing import NamedTuple

import pytest
from candle_truth import Event, Truth, truth
from count_truth import lives, window, windows
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive, PartitionDriver
from plans import MINUTE, PLANS, Step, follow, live, ticks
from raw_records import NOON, Raw, raw_tick
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
from app.state import closed_windows, count_state, partition
from app.topics import DEAD_LETTERS, TICKS_LATE
from app.windows import on_close
from app.worker import TickApp

HOUR = 60 * MINUTE

#: Nothing is late for them.
ANY = 1_000 * HOUR

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
    """What comes to a partition, and what becomes of it."""

    definition: Definition
    raw: list[Raw]
    plan: list[Step]


LIVES = st.builds(Life, st.sampled_from(DEFINITIONS), ticks(), PLANS)


def right(driver: PartitionDriver, facts: Truth) -> list[Seen]:
    """Give each window there has to be but for the retention, in order of its first offset."""
    (family,) = driver.table.windows
    found = [
        each
        for life in lives(facts.kept, driver.table.retention)
        for each in windows(life, family.records, family.every)
        if each.final or life.goes_on
    ]
    return sorted(found, key=lambda each: each.first_offset)


def now(driver: PartitionDriver) -> Truth:
    """Give what became of the ticks folded so far."""
    return truth(driver.raw[: driver.folded], ANY)


def assert_published(driver: PartitionDriver, facts: Truth) -> None:
    """What is committed is right: the last of each window, what led there, and nothing twice."""
    results, expected = told(driver), right(driver, facts)
    last = {key[1]: versions[-1] for key, versions in said_of(results, "first_offset").items()}
    finals = [result for result in last.values() if result.final]
    assert sorted(finals, key=lambda s: s.first_offset) == [s for s in expected if s.final]
    assert_each_was_true(results, driver, facts)
    if not driver.table.says_changes:
        assert finals == list(last.values())
        return
    # What a symbol had begun to fill when it was forgotten is said as it was then, if at all.
    for each in expected:
        assert last[each.first_offset] == each
    if driver.table.says_every_change:
        assert_every_change(results, driver, facts)


def assert_each_was_true(results: list[Seen], driver: PartitionDriver, facts: Truth) -> None:
    """Each result was its window when its last record had come."""
    (family,) = driver.table.windows
    for result in results:
        (life,) = (
            life.events
            for life in lives(facts.kept, driver.table.retention)
            if result.last_offset in [event.offset for event in life.events]
        )
        offsets = [event.offset for event in life]
        begin, last = offsets.index(result.first_offset), offsets.index(result.last_offset)
        assert begin % family.every == 0
        assert result == window(life[begin : last + 1], family.records)


def assert_every_change(results: list[Seen], driver: PartitionDriver, facts: Truth) -> None:
    """Each record gives a result for each window that it is in."""
    (family,) = driver.table.windows
    found = sorted((result.last_offset, result.first_offset) for result in results)
    assert found == sorted(
        (event.offset, life.events[begin].offset)
        for life in lives(facts.kept, driver.table.retention)
        for number, event in enumerate(life.events)
        for begin in range(0, number + 1, family.every)
        if number < begin + family.records
    )


def assert_answers(driver: PartitionDriver) -> None:
    """Queries see every record folded so far, wherever it is kept, and no other."""
    facts = now(driver)
    limit = facts.stream_time - driver.table.retention
    for symbol in "ABC":
        found = [
            each
            for each in right(driver, facts)
            if each.symbol == symbol and (not each.final or each.start >= limit)
        ]
        assert answers(driver, symbol) == sorted(
            found, key=lambda s: (s.start, s.end, s.first_offset)
        )


def assert_ranges(driver: PartitionDriver, begin: int, end: int) -> None:
    """A range gives the windows that start in it; their keys are found by it."""
    (family,) = driver.table.windows
    for symbol in "ABC":
        every = answers(driver, symbol)
        inside = [each for each in every if begin <= each.start < end]
        assert answers(driver, symbol, begin, end) == inside
        assert not inside or symbol.encode() in driver.state.keys_of(family, begin, end)
        span = driver.state.span(symbol.encode())
        for each in every:
            assert span is not None
            assert span[0] <= each.start < span[1]


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
    """Give a tick of 13 pieces in the place of another, every second one far ahead in time."""
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


# -- told as a reader would


def trades(count: int, symbol: str = "A", step: int = 1_000) -> list[Raw]:
    """Give ticks of one symbol, one a second."""
    return [raw_tick(n, Tick(symbol, 1.0, NOON + n * step, 1)) for n in range(count)]


def story(results: list[Seen]) -> list[tuple[int, int, int, bool]]:
    """Give first and last offset, count and finality."""
    return [(s.first_offset, s.last_offset, s.count, s.final) for s in results]


def test_windows_fill_one_after_another_and_are_final_at_once(
    application: TickApp, drive: Drive
) -> None:
    """With the checkpoint that follows, though nothing else is published with it."""
    table = declared(application, Definition("count 4/2", 0, HOUR))
    with drive(table, trades(7)) as driver:
        driver.fold(3)
        driver.checkpoint()
        assert story(told(driver)) == [(2, 2, 1, False), (0, 2, 3, False)]
        driver.fold(3)
        driver.checkpoint(publish=False)
        assert story(told(driver))[2:] == [(0, 3, 4, True), (2, 5, 4, True)]
        driver.settle()
        assert story(told(driver))[4:] == [(6, 6, 1, False), (4, 6, 3, False)]


def test_an_old_record_is_counted_where_it_arrives(application: TickApp, drive: Drive) -> None:
    """No grace applies; its window begins with its time, and ends with the newest."""
    table = declared(application, Definition("count 3", 0, HOUR))
    times = [NOON + MINUTE, NOON, NOON + 2 * MINUTE]
    with drive(table, [raw_tick(n, Tick("A", 1.0, time, 1)) for n, time in enumerate(times)]) as d:
        d.settle()
        (result,) = told(d)
        assert (result.start, result.end, result.final) == (NOON, NOON + 2 * MINUTE + 1, True)
        assert TICKS_LATE.name not in d.outputs
        assert d.state.meta.lateness == {}


def test_a_key_has_one_row_for_each_pane_of_a_window(application: TickApp, drive: Drive) -> None:
    """However many records came, and however many of its windows are being filled."""
    for text, panes in [("count 100", 1), ("count 10/5", 2), ("count 9/6", 3), ("count 5/1", 5)]:
        table = declared(application, Definition(text, 0, HOUR, on_close()))
        with drive(table, trades(250)) as driver:
            while driver.folded < 250:
                driver.fold(7)
                driver.checkpoint()
                assert len(open_rows(driver)) <= panes
            assert len(open_rows(driver)) == panes


def test_a_checkpoint_writes_the_panes_that_changed(application: TickApp, drive: Drive) -> None:
    """Not all of a window: one for each record here, and the row of the window that is full."""
    table = declared(application, Definition("count 50/1", 0, HOUR, on_close()))
    with drive(table, trades(100)) as driver:
        driver.fold(90)
        driver.checkpoint()
        driver.fold(1)
        assert len(driver.snapshot().rows) == 2 + 1


def test_the_cost_of_a_record_does_not_grow_with_the_overlap(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merges for each window that fills: three, amortised, whatever its number of panes."""
    merges = 0
    for text in ("count 10/1", "count 500/1"):
        table = declared(application, Definition(text, 0, HOUR, on_close()))
        merge = table.aggregate.merge

        def counted(left: object, right: object, merge: object = merge) -> object:
            nonlocal merges
            merges += 1
            return merge(left, right)

        monkeypatch.setattr(table.aggregate, "merge", counted)
        with drive(table, trades(2_000, step=1)) as driver:
            merges = 0
            driver.fold_rest()
            assert merges <= 3 * 2_000
            driver.checkpoint()


def test_windows_that_share_a_start_share_rows_of_a_bounded_size(
    application: TickApp, drive: Drive
) -> None:
    """An event that is older than all that follow begins many of them; all can be asked for."""
    table = declared(application, Definition("count 100/1", 0, HOUR, on_close()))
    raw = [raw_tick(n, Tick("A", 1.0, NOON, 1)) for n in range(300)]
    with drive(table, raw) as driver:
        while driver.folded < 300:
            driver.fold(13)
            driver.checkpoint()
            driver.crash()
        closed = [int.from_bytes(row[-8:]) for row in rows(driver, 0, 1 << 60)]
        assert closed == list(range(NOON, NOON + -(-201 // closed_windows.FULL)))
        assert len([s for s in answers(driver, "A", NOON, NOON + 1) if s.final]) == 201
        assert answers(driver, "A", NOON + 1, NOON + 50) == []


def test_a_symbol_of_which_nothing_comes_is_forgotten(application: TickApp, drive: Drive) -> None:
    """When stream time has gone on by more than the retention; it begins anew then."""
    table = declared(application, Definition("count 3/1", 0, HOUR, on_close()))
    drawn = [Tick("A", 1.0, NOON + s, 1) for s in (0, HOUR, 2 * HOUR + 1)]
    drawn += [Tick("A", 1.0, NOON + 2 * HOUR + s, 1) for s in (2, 3)]
    with drive(table, [raw_tick(n, tick) for n, tick in enumerate(drawn)]) as driver:
        driver.settle()
        assert story(told(driver)) == [(2, 4, 3, True)]


def test_a_long_time_takes_no_more_room_than_the_retention(
    application: TickApp, drive: Drive
) -> None:
    """New keys all the time, in the store and in memory; each is deleted with a tombstone."""
    table = declared(application, Definition("count 4/1", 0, 10 * MINUTE))
    raw = [
        raw_tick(2 * n + twice, Tick(f"K{n}", 1.0, NOON + n * MINUTE, 1))
        for n in range(400)
        for twice in range(2)
    ]
    with drive(table, raw) as driver:
        while driver.folded < len(raw):
            driver.fold(10)
            driver.checkpoint()
            assert len(driver.state._rings) <= 11
            assert len(driver.state._ends) <= 11
            assert len(open_rows(driver)) <= 2 * 11
        assert len(driver.state.all_keys()) == 11
        assert_rows_are_the_changelog(driver)


def test_order_is_that_of_arrival(application: TickApp, drive: Drive) -> None:
    """So it is the one thing that may differ when records come in another order."""
    events = [Event(n, Tick("A", 1.0, NOON - n, 1), NOON) for n in range(2)]
    table = declared(application, Definition("count 2", 0, HOUR, on_close()))
    with drive(table, [raw_tick(event.offset, event.tick) for event in events]) as driver:
        driver.settle()
        assert told(driver) == [window(events, 2)]
