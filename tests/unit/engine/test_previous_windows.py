"""Results that use the previous window follow its corrections."""

from collections import defaultdict
from itertools import pairwise
from typing import Literal

import msgspec
import pytest
from candle_truth import candles, truth
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive, NewTable
from plans import MINUTE, PLANS, Step, run_plan, ticks
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick
from app.market.topics import CANDLES
from eventfold.records.candles import Candle
from eventfold.windows import Window, WindowResult, tumbling

pytestmark = pytest.mark.usefixtures("implementation")

HOUR = 60 * MINUTE


class Change(msgspec.Struct, frozen=True):
    """A minute's close, and the close before it."""

    symbol: str
    start: int
    close: float
    before: float | None
    final: bool
    revision: int = -1


def change(result: WindowResult) -> Change:
    """Make the record of a window."""
    previous = result.previous()
    before = None if previous is None else previous.close
    return Change(
        *(result.key, result.start, result.state.close, before, result.final, result.revision)
    )


def expected_changes(raw: list[Raw], window: Window, grace: int) -> dict[tuple[str, int], Change]:
    """Compute each window's change, from the windows and minutes that hold a tick."""
    facts = truth(raw, grace)
    limit = facts.stream_time - grace
    minutes = sorted(candles(facts.kept, tumbling(MINUTE), limit).items())
    changes = {}
    for (symbol, start), candle in candles(facts.kept, window, limit).items():
        earlier = [each for (name, at), each in minutes if name == symbol and at < start]
        before, newest = (earlier[-1].close, earlier[-1].last_offset) if earlier else (None, -1)
        changes[symbol, start] = Change(
            *(symbol, start, candle.close, before, candle.final),
            2 * max(candle.last_offset, newest) + candle.final,
        )
    return changes


@settings(max_examples=40)
@given(ticks(), PLANS, st.sampled_from(["1m", "3m/1m"]))
def test_the_last_result_of_a_window_has_the_close_of_the_one_before(
    new_table: NewTable, drive: Drive, raw: list[Raw], plan: list[Step], windows: str
) -> None:
    """Also if ticks of the previous window came later, or it is only in the store."""
    table = new_table(windows, 3 * MINUTE, 24 * HOUR, uses_previous_window=True, record=change)
    with drive(table, raw) as driver:
        run_plan(driver, plan)
        published = defaultdict(list)
        for each in driver.written(CANDLES, Change):
            published[each.symbol, each.start].append(each)
    assert {key: versions[-1] for key, versions in published.items()} == expected_changes(
        raw, table.windows[0], table.grace
    )
    # Neither a final window changes any more, nor the window before it.
    for versions in published.values():
        assert not any(each.final for each in versions[:-1])
        # The highest revision is that of the last result.
        for earlier, later in pairwise(versions):
            assert earlier.revision < later.revision or earlier == later


def test_a_correction_of_a_window_corrects_the_one_after_it(
    new_table: NewTable, drive: Drive
) -> None:
    """It got no tick itself since it was published."""
    table = new_table("1m", 3 * MINUTE, 24 * HOUR, uses_previous_window=True, record=change)
    drawn = [Tick("A", 1.0, NOON), Tick("A", 2.0, NOON + 2 * MINUTE), Tick("A", 1.5, NOON + 1)]
    with drive(table, [raw_tick(n, tick) for n, tick in enumerate(drawn)]) as driver:
        for _ in drawn:
            driver.fold(1)
            driver.checkpoint()
        changes = [
            (c.start - NOON, c.close, c.before, c.revision) for c in driver.written(CANDLES, Change)
        ]
    assert changes[:2] == [(0, 1.0, None, 0), (2 * MINUTE, 2.0, 1.0, 2)]
    assert sorted(changes[2:]) == [(0, 1.5, None, 4), (2 * MINUTE, 2.0, 1.5, 4)]


@pytest.mark.parametrize("store", ["kept", "lost"])
@pytest.mark.parametrize("windows", ["1m", "2m/1m"])
def test_a_correction_of_the_previous_window_raises_the_revision(
    new_table: NewTable, drive: Drive, windows: str, store: Literal["kept", "lost"]
) -> None:
    """Also with a crash in between, and in the final result."""
    table = new_table(windows, MINUTE, 24 * HOUR, uses_previous_window=True)
    drawn = [
        *(Tick("A", 1.0, NOON), Tick("A", 2.0, NOON + MINUTE), Tick("A", 1.5, NOON + 1)),
        *(Tick("B", 1.0, NOON + 5 * MINUTE), Tick("B", 1.0, NOON + 6 * MINUTE)),
    ]
    with drive(table, [raw_tick(n, tick) for n, tick in enumerate(drawn)]) as driver:
        for _ in drawn:
            driver.fold(1)
            driver.checkpoint()
            driver.crash(store)
        driver.settle()
        of_a_minute = [
            (candle.revision, candle.last_offset)
            for candle in driver.written(CANDLES, Candle)
            if (candle.symbol, candle.start) == ("A", NOON + MINUTE)
        ]
    assert of_a_minute == [(2, 1), (4, 1), (5, 1)]
