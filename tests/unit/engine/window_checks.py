"""Checks of the windows of a partition: topics and queries, against all of its ticks."""

from collections import defaultdict
from itertools import pairwise
from typing import Any, NamedTuple

from candle_truth import Truth, candles, truth
from hypothesis import strategies as st
from partition_driver import NewTable, PartitionDriver
from plans import MINUTE, PLANS, Step, ticks
from raw_records import Raw

from app.market.records import LateTick
from app.market.topics import CANDLES, TICKS_LATE
from eventfold.engine import windowing_strategy
from eventfold.engine.window_table import WindowTable
from eventfold.records import DeadLetter
from eventfold.records.candles import Candle
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import Window, parse_windows


class Definition(NamedTuple):
    """A table: windows, grace (ms), and retention beyond the minimum (ms)."""

    windows: str
    grace: int
    extra_retention: int = 0


DEFINITIONS = [
    Definition("1m,5m,15m,5m/1m", 5 * MINUTE, 30 * MINUTE),
    Definition("1m", 0),
    Definition("5m/1m", 2 * MINUTE),
    Definition("90s/30s,2m", 90_001, 5 * MINUTE),
    # Panes begin 20 s after each minute.
    Definition("1m+20s,5m/1m+20s", MINUTE, 5 * MINUTE),
    # Overlaps more than 60 times, so it is published on close only.
    Definition("65s/1s,1m", 30_000),
]


class Scenario(NamedTuple):
    """Definition, records and plan of a partition."""

    definition: Definition
    raw: list[Raw]
    plan: list[Step]


#: Scenarios of ticks that lag and leap, and of ticks in time order.
SCENARIOS = st.builds(Scenario, st.sampled_from(DEFINITIONS), ticks(), PLANS)
SCENARIOS_IN_ORDER = st.builds(
    Scenario, st.sampled_from(DEFINITIONS), ticks(behind=st.just(0)), PLANS
)


def declare_table(new_table: NewTable, definition: Definition, **options: Any) -> WindowTable:
    """Declare the table of a definition."""
    windows, grace, extra_retention = definition
    longest = max(window.size for window in parse_windows(windows))
    return new_table(windows, grace, longest + grace + extra_retention, **options)


def publishes_changes(window: Window) -> bool:
    """Return whether changes of a window are published before it closes."""
    return window.size // window.advance <= windowing_strategy.MAX_OVERLAP


def expected(table: WindowTable, facts: Truth) -> dict[tuple[Window, str, int], Candle]:
    """Compute the candles that a reader of the topic must end up with."""
    limit = facts.stream_time - table.grace
    return {
        (window, *key): candle
        for window in table.windows
        for key, candle in candles(facts.kept, window, limit).items()
        if candle.final or publishes_changes(window)
    }


def by_window(driver: PartitionDriver) -> dict[tuple[Window, str, int], list[Candle]]:
    """Return the candles committed to the topic, window by window, in order."""
    found = defaultdict(list)
    windows = {(window.size, window.advance): window for window in driver.table.windows}
    for candle in driver.written(CANDLES, Candle):
        window = windows[candle.size, candle.advance]
        found[window, candle.symbol, candle.start].append(candle)
    return found


def assert_published(driver: PartitionDriver, facts: Truth) -> None:
    """Check the committed candles: the last of each window, those before it, and no duplicate."""
    found = by_window(driver)
    assert {key: versions[-1] for key, versions in found.items()} == expected(driver.table, facts)
    for key, versions in found.items():
        # There is one final result, and nothing after it.
        assert [candle.final for candle in versions].count(True) <= 1, key
        assert not any(candle.final for candle in versions[:-1]), key
        for before, after in pairwise(versions):
            assert before.revision <= after.revision, key
            # A revision identifies the content of a window: two of one can't differ.
            assert before.revision < after.revision or before == after, key


def assert_late_and_dead_letters(driver: PartitionDriver, facts: Truth) -> None:
    """Check that late ticks and dead letters are written once each, with their coordinates."""
    table, late = driver.table, driver.written(TICKS_LATE, LateTick)
    assert late == [
        LateTick(
            *(event.tick.symbol, event.tick.price, event.tick.time, event.tick.size),
            reason="late",
            stream_time=event.before,
            grace=table.grace,
            partition=0,
            offset=event.offset,
            table=table.name,
        )
        for event in facts.late
    ]
    assert driver.sources(TICKS_LATE) == [b"ticks-0-%d" % event.offset for event in facts.late]
    dead = [letter.offset for letter in driver.written(DEAD_LETTERS, DeadLetter)]
    assert sorted(dead) == facts.bad
    assert driver.sources(DEAD_LETTERS) == [b"ticks-0-%d" % offset for offset in dead]


def assert_answers(driver: PartitionDriver) -> None:
    """Check that queries see every record folded so far, in memory or stored, and no other."""
    table, state = driver.table, driver.state
    facts = truth(driver.raw[: driver.folded], table.grace)
    # Windows that ended before it are not kept.
    limit = facts.stream_time - table.retention
    for window in table.windows:
        expected_candles = candles(facts.kept, window, state.meta.finalised)
        for symbol in "ABC":
            answers = state.read(symbol.encode(), window, 0, 1 << 62)
            assert [table.record(answer) for answer in answers if answer.end > limit] == [
                candle
                for key, candle in sorted(expected_candles.items())
                if key[0] == symbol
                if candle.end > limit
            ]
