"""Grouped top-N tables after a repartition, under random crashes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import count, pairwise
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive, PartitionDriver
from plans import PLANS, Step, run_plan
from raw_records import Raw

from app.market.gains import day_of, start_of
from app.market.records import DailyGain, Gainer, TopGainers
from app.market.topics import DAILY_GAINS, TOP_GAINERS
from app.worker import TickApp
from eventfold.engine import partition
from eventfold.engine.rows import split_row_key
from eventfold.engine.top_n_table import TopNTable
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS
from tables.gainers import gainers

DAY = 86_400_000
FIRST = start_of("2026-01-31")
#: More than ten, so that some are not in the ranking.
SYMBOLS = [f"S{n:02}" for n in range(13)]

_names = count()


def declare_table(application: TickApp, retention: int = 30 * DAY, inputs: int = 1) -> TopNTable:
    """Declare the product's table of gainers with another retention, in this application."""
    table = TopNTable(
        application,
        name=f"gainers-{next(_names)}",
        source=DAILY_GAINS,
        group=gainers.group,
        period=gainers.period,
        period_name=gainers.period_name,
        row=gainers.row,
        row_type=gainers.row_type,
        record=gainers.record,
        origin=gainers.origin,
        inputs=range(inputs),
        retention=retention,
        help="rankings",
    )
    table.publish(TOP_GAINERS, gainers.record)
    return table


@pytest.fixture(scope="module")
def table(application: TickApp) -> TopNTable:
    """Return a table that keeps everything."""
    return declare_table(application)


@pytest.fixture(scope="module")
def two_day_table(application: TickApp) -> TopNTable:
    """Return a table with a retention of two days."""
    return declare_table(application, retention=2 * DAY)


def test_a_ranking_without_a_version_has_version_1_for_good(table: TopNTable) -> None:
    """Rows of another layout are rejected, so the default version must never change."""
    assert table.layout == f"{gainers.row_type.__name__} 1"


def raw_gain(offset: int, symbol: str, days: int, gain: float, **changes: Any) -> Raw:
    """Return a symbol's gain so far on a day, `days` after the first."""
    time = FIRST + days * DAY + offset
    prices = {"open": 1.0, "last": 1.0 + gain, "low": 1.0, "high": 9.0, "gain": gain}
    source = {"partition": 0, "offset": offset, "stream_time": time}
    fields = {"symbol": symbol, "day": day_of(time), "count": 1, "time": time, "final": False}
    record = DailyGain(**(fields | prices | source | changes))
    return Raw(offset, record.time, symbol.encode(), msgspec.json.encode(record))


@st.composite
def gains(draw: st.DrawFn, days: st.SearchStrategy[int]) -> list[Raw]:
    """Draw gains of symbols by day, corrected again and again, with many ties."""
    fields = st.tuples(
        st.sampled_from(SYMBOLS), days, st.sampled_from([-0.5, 0.0, 0.25, 0.5]), st.integers(1, 3)
    )
    length = draw(st.integers(0, 50))
    raw, offset = [], draw(st.integers(0, 5))
    for symbol, day, gain, gap in draw(st.lists(fields, min_size=length, max_size=length)):
        raw.append(raw_gain(offset, symbol, day, gain))
        offset += gap
    return raw


#: Days in close succession, and leaps.
EXPIRING_SCENARIOS = st.tuples(gains(st.integers(0, 3) | st.integers(0, 12)), PLANS)


def rankings(raw: Iterable[Raw]) -> dict[str, TopGainers]:
    """Compute each day's ten best, from the last record of each symbol."""
    rows: dict[str, dict[str, tuple[int, DailyGain]]] = defaultdict(dict)
    for record in raw:
        gain = msgspec.json.decode(record.value or b"", type=DailyGain)
        rows[gain.day][gain.symbol] = record.offset, gain
    best = {}
    for day, of_day in rows.items():
        last = sorted(of_day.values(), key=lambda row: (-row[1].gain, row[1].symbol))
        rank = [Gainer(g.symbol, g.gain, g.open, g.last, g.time) for _, g in last[:10]]
        time = max(gain.time for _, gain in last)
        best[day] = TopGainers(day, rank, time, max(offset for offset, _ in last))
    return best


def last_rankings(driver: PartitionDriver) -> dict[str, TopGainers]:
    """Return the last ranking of each day; check that no revision is lower than one before it."""
    last: dict[str, TopGainers] = {}
    for out, ranking in zip(
        driver.outputs.get(TOP_GAINERS.base_name, []),
        driver.written(TOP_GAINERS, TopGainers),
        strict=True,
    ):
        assert out.record[0] == ranking.day.encode()
        before = last.get(ranking.day)
        assert before is None or before.revision <= ranking.revision
        last[ranking.day] = ranking
    return last


@settings(max_examples=60)
@given(gains(st.integers(0, 5)), PLANS)
def test_the_last_ranking_of_a_day_has_its_ten_best_after_any_crash(
    table: TopNTable, drive: Drive, raw: list[Raw], plan: list[Step]
) -> None:
    """More days than memory keeps, out of order; queries agree before and after a crash."""
    with drive(table, raw) as driver:
        run_plan(driver, plan)
        expected = rankings(raw)
        assert last_rankings(driver) == expected
        table.open(driver.state)
        try:
            assert {day: table.group_record(start_of(day)) for day in expected} == expected
            assert table.period_names() == sorted(expected)
            latest = max(expected, default=None)
            assert table.group_record() == (None if latest is None else expected[latest])
        finally:
            table.close(driver.state)
        driver.crash(store="lost")
        assert [driver.state.result(start_of(day)).revision for day in expected] == [
            ranking.revision for ranking in expected.values()
        ]


@settings(max_examples=60)
@given(EXPIRING_SCENARIOS, st.sampled_from([1, 2, 5, 5_000]))
def test_expired_days_are_deleted_and_no_day_is_ranked_in_part(
    two_day_table: TopNTable,
    drive: Drive,
    scenario: tuple[list[Raw], list[Step]],
    at_once: int,
) -> None:
    """A record counts for its day, or is a dead letter because its day is deleted."""
    raw, plan = scenario
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "EXPIRE_SLICE", at_once)
        with drive(two_day_table, raw) as driver:
            run_plan(driver, plan)
            letters = driver.written(DEAD_LETTERS, DeadLetter)
            dead = {letter.offset for letter in letters}
            assert len(dead) == len(letters)
            assert last_rankings(driver) == rankings(r for r in raw if r.offset not in dead)
            assert_old_enough(letters, dict(stream_times(raw)), two_day_table.retention)
            for _ in raw:
                driver.checkpoint()
            limit = (
                max((time for _, time in stream_times(raw)), default=0) - two_day_table.retention
            )
            assert all(start + DAY > limit for start in driver.state.store.starts())


def assert_old_enough(
    letters: Iterable[DeadLetter], stream_time: Mapping[int, int], retention: int
) -> None:
    """Check that only records older than the retention were rejected, with that reason."""
    for letter in letters:
        day = msgspec.json.decode(letter.value or b"", type=DailyGain).day
        assert start_of(day) + DAY + retention <= stream_time[letter.offset]
        assert letter.error == (
            f"ClosedPeriodError: {day} is older than the retention, its rows are deleted"
        )


def stream_times(raw: Iterable[Raw]) -> Iterable[tuple[int, int]]:
    """Yield offset and stream time after each record."""
    newest = -1
    for record in raw:
        newest = max(newest, record.timestamp)
        yield record.offset, newest


def test_rows_folded_in_the_checkpoint_that_expires_their_day_are_deleted(
    application: TickApp, drive: Drive
) -> None:
    """No row of the symbol was stored yet when its day expired."""
    table = declare_table(application, retention=DAY)
    raw = [raw_gain(0, "A", 0, 0.5), raw_gain(1, "B", 0, 0.5), raw_gain(2, "A", 9, 0.5)]
    with drive(table, raw) as driver:
        driver.fold(1)
        driver.checkpoint()
        driver.fold(2)
        for _ in range(3):
            driver.checkpoint()
        driver.crash()
        driver.checkpoint()
        rows = [split_row_key(row) for row in driver.state.store.keys_between(0)]
    assert rows == [(b"A", FIRST + 9 * DAY)]


@pytest.mark.parametrize("at_once", [1, 3, 4, 7, 100])
@pytest.mark.parametrize("crash", ["none", "kept", "lost"])
def test_a_day_is_closed_before_its_first_row_is_deleted(
    two_day_table: TopNTable,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
    crash: Literal["none", "kept", "lost"],
) -> None:
    """However few rows a checkpoint deletes: the remaining ones are not ranked as a whole day."""
    monkeypatch.setattr(partition, "EXPIRE_SLICE", at_once)
    symbols = {0: 5, 1: 2, 2: 4}
    raw = [raw_gain(0, s, day, 0.5) for day, n in symbols.items() for s in SYMBOLS[:n]]
    raw = [record._replace(offset=n) for n, record in enumerate(raw)]
    with drive(two_day_table, [*raw, raw_gain(len(raw), "A", 20, 0.5)]) as driver:
        driver.fold(len(raw))
        driver.checkpoint()
        driver.fold(1)
        for _ in range(len(raw) + 1):
            deleted = [row for row, value in driver.checkpoint().rows if value is None]
            assert len(deleted) <= at_once
            assert driver.state.starts() == [FIRST + 20 * DAY]
            for day in symbols:
                assert driver.state.result(FIRST + day * DAY) is None
            if crash != "none":
                driver.crash(crash)
        starts = [split_row_key(row)[1] for row in driver.state.store.keys_between(0)]
        assert starts == [FIRST + 20 * DAY]


def test_a_deleted_day_is_not_answered(application: TickApp, drive: Drive) -> None:
    """Whether it was in memory or not, so a restart changes no answer."""
    table = declare_table(application, retention=DAY)
    raw = [raw_gain(0, "A", 0, 0.5), raw_gain(1, "A", 9, 0.5)]
    with drive(table, raw) as driver:
        for _ in raw:
            driver.fold(1)
            driver.checkpoint()
        driver.checkpoint()
        before = driver.state.starts(), len(driver.state.rows_of(b"A"))
        driver.crash()
        after = driver.state.starts(), len(driver.state.rows_of(b"A"))
    assert before == after == ([FIRST + 9 * DAY], 1)


def test_a_day_is_kept_until_the_slowest_input_partition_has_passed_it(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One partition may be weeks ahead in a replay; an idle one is not waited for."""
    table = declare_table(application, retention=DAY, inputs=2)
    days = [(0, 0), (0, 1), (9, 0), (1, 1), (9, 1)]
    raw = [
        raw_gain(n, f"S{partition}", day, 0.5, partition=partition)
        for n, (day, partition) in enumerate(days)
    ]
    kept = []
    with drive(table, raw) as driver:
        for _ in raw:
            driver.fold(1)
            driver.checkpoint()
            driver.checkpoint()
            kept.append([(start - FIRST) // DAY for start in driver.state.store.starts()])
        assert kept == [[0], [0], [0, 9], [0, 1, 9], [9]]
    with drive(table, raw[:3]) as driver:
        driver.settle()
        driver.crash()
        conf = application.tasks.conf.model_copy(update={"idle": 0})
        monkeypatch.setattr(application.tasks, "conf", conf)
        driver.checkpoint()
        assert list(driver.state.store.starts()) == [FIRST + 9 * DAY]


@pytest.mark.parametrize(("early", "kept"), [(1, True), (0, False), (-1, False)])
def test_a_day_expires_exactly_when_the_retention_has_passed_its_end(
    application: TickApp, drive: Drive, early: int, *, kept: bool
) -> None:
    """Until then it is answered, from then on its records are rejected."""
    table = declare_table(application, retention=DAY)
    end = FIRST + 2 * DAY - early
    days = [(0, 0), (9, end), (0, end)]
    raw = [raw_gain(n, "ABC"[n], day, 0.5, stream_time=end) for n, (day, end) in enumerate(days)]
    with drive(table, raw) as driver:
        driver.fold(2)
        driver.checkpoint()
        driver.settle()
        assert driver.state.starts() == [*([FIRST] if kept else []), FIRST + 9 * DAY]
        assert (driver.state.result(FIRST) is not None) is kept
        assert len(driver.written(DEAD_LETTERS, DeadLetter)) == (not kept)


def test_a_ranking_that_is_too_large_is_a_dead_letter_of_the_last_record(
    application: TickApp, drive: Drive
) -> None:
    """A ranking has no offset of its own; the others are published."""
    table = declare_table(application)
    table.publications = []
    table.publish(TOP_GAINERS, lambda result: "x" * (4_000 if result.revision else 10))
    raw = [raw_gain(n, "A", n, 0.5) for n in range(2)]
    with drive(table, raw) as driver:
        driver.state.outputs.largest = 4_000
        driver.settle()
        (letter,) = driver.written(DEAD_LETTERS, DeadLetter)
        assert (letter.offset, letter.stage) == (1, table.name)
        assert driver.written(TOP_GAINERS, str) == ["x" * 10]


def test_memory_keeps_the_newest_days_and_those_that_changed(
    table: TopNTable, drive: Drive
) -> None:
    """All other days are answered from the store."""
    raw = [raw_gain(n, "A", day, 0.5) for n, day in enumerate([*range(6), 1])]
    with drive(table, raw) as driver:
        for day in range(6):
            driver.fold(1)
            driver.checkpoint()
            kept = [FIRST + each * DAY for each in range(max(0, day - 2), day + 1)]
            assert sorted(driver.state._periods) == kept
        driver.fold(1)
        snapshot = driver.snapshot(publish=False)
        driver.commit(snapshot)
        assert FIRST + DAY in driver.state._periods
        driver.settle()
        assert sorted(driver.state._periods) == kept
        assert len(driver.state.rows_of(b"A")) == len(driver.state.starts()) == 6


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "2026-02-31", "2026-13-01"])
def test_an_impossible_day_is_a_dead_letter(table: TopNTable, drive: Drive, day: str) -> None:
    """Before the epoch, or in no calendar: the partition goes on with the next record."""
    raw = [
        raw_gain(0, "A", 0, 0.25),
        raw_gain(1, "B", 0, 0.5, day=day, stream_time=FIRST + 99 * DAY),
        raw_gain(2, "C", 0, 0.125),
    ]
    with drive(table, raw) as driver:
        driver.settle()
        (letter,) = driver.written(DEAD_LETTERS, DeadLetter)
        assert letter.offset == 1
        assert (letter.topic, letter.stage) == ("daily-gains", table.name)
        (ranking,) = last_rankings(driver).values()
        assert [gainer.symbol for gainer in ranking.rank] == ["A", "C"]


def test_a_ranking_is_published_again_only_if_it_changed(table: TopNTable, drive: Drive) -> None:
    """Each publication has the days that changed since the last one, each once."""
    raw = [raw_gain(n, "A", day, 0.5) for n, day in enumerate([0, 1, 0, 0])]
    with drive(table, raw) as driver:
        driver.fold(2)
        driver.checkpoint(publish=False)
        assert driver.outputs == {}
        driver.checkpoint()
        driver.fold(2)
        driver.checkpoint()
        driver.checkpoint()
        published = [(r.day, r.revision) for r in driver.written(TOP_GAINERS, TopGainers)]
    assert published == [("2026-01-31", 0), ("2026-02-01", 1), ("2026-01-31", 3)]
    assert all(after[1] > before[1] for before, after in pairwise(published))


def test_a_ranking_unpublished_at_a_crash_is_published_afterwards(
    table: TopNTable, drive: Drive
) -> None:
    """Rows were committed, the ranking not yet."""
    with drive(table, [raw_gain(0, "A", 0, 0.5)]) as driver:
        driver.fold(1)
        driver.checkpoint(publish=False)
        driver.crash(store="lost")
        driver.settle()
        assert len(driver.written(TOP_GAINERS, TopGainers)) == 1


def test_the_rankings_of_all_days_are_read_newest_first(table: TopNTable, drive: Drive) -> None:
    """Whoever wants the latest few stops reading there."""
    raw = [raw_gain(number, "A", day, 0.5) for number, day in enumerate([1, 2, 0])]
    with drive(table, raw) as driver:
        driver.settle()
        table.open(driver.state)
        try:
            days = [result.key for result in table.group_results()]
        finally:
            table.close(driver.state)
    assert days == [day_of(FIRST + day * DAY) for day in (2, 1, 0)]
