"""Records that look back at the window before theirs, and follow its corrections."""

from collections import defaultdict

import msgspec
from candle_truth import candles, truth
from hypothesis import given, settings
from partition_driver import Drive, NewTable
from plans import MINUTE, PLANS, Step, live, ticks
from raw_records import NOON, Raw, raw_tick

from app.records import Tick
from app.topics import CANDLES
from app.windows import WindowResult, tumbling

HOUR = 60 * MINUTE


class Change(msgspec.Struct, frozen=True):
    """A minute's close, and the close before it."""

    symbol: str
    start: int
    close: float
    before: float | None
    final: bool


def change(result: WindowResult) -> Change:
    """Make the record of a minute."""
    previous = result.previous()
    before = None if previous is None else previous.close
    return Change(result.key, result.start, result.state.close, before, result.final)


def right(raw: list[Raw], grace: int) -> dict[tuple[str, int], Change]:
    """Give each minute's change, from the minutes that hold a tick."""
    facts = truth(raw, grace)
    window = tumbling(MINUTE)
    closes: dict[str, float] = {}
    changes = {}
    minutes = candles(facts.kept, window, facts.stream_time - grace)
    for (symbol, start), candle in sorted(minutes.items()):
        changes[symbol, start] = Change(
            symbol, start, candle.close, closes.get(symbol), candle.final
        )
        closes[symbol] = candle.close
    return changes


@settings(max_examples=40)
@given(ticks(), PLANS)
def test_the_last_record_of_a_window_knows_the_last_close_before_it(
    new_table: NewTable, drive: Drive, raw: list[Raw], plan: list[Step]
) -> None:
    """Though ticks of the window before came later, and it may be in the store alone."""
    table = new_table("1m", 3 * MINUTE, 24 * HOUR, looks_back=True, record=change)
    with drive(table, raw) as driver:
        live(driver, plan)
        published = defaultdict(list)
        for each in driver.written(CANDLES, Change):
            published[each.symbol, each.start].append(each)
    assert {key: versions[-1] for key, versions in published.items()} == right(raw, table.grace)
    # What is final does not change any more, nor does what it looks back at.
    for versions in published.values():
        assert not any(each.final for each in versions[:-1])


def test_a_correction_of_a_window_corrects_the_one_after_it(
    new_table: NewTable, drive: Drive
) -> None:
    """Which got no tick itself since it was published."""
    table = new_table("1m", 3 * MINUTE, 24 * HOUR, looks_back=True, record=change)
    drawn = [Tick("A", 1.0, NOON), Tick("A", 2.0, NOON + 2 * MINUTE), Tick("A", 1.5, NOON + 1)]
    with drive(table, [raw_tick(n, tick) for n, tick in enumerate(drawn)]) as driver:
        for _ in drawn:
            driver.fold(1)
            driver.checkpoint()
        told = [(c.start - NOON, c.close, c.before) for c in driver.written(CANDLES, Change)]
    assert told[:2] == [(0, 1.0, None), (2 * MINUTE, 2.0, 1.0)]
    assert sorted(told[2:]) == [(0, 1.5, None), (2 * MINUTE, 2.0, 1.5)]
