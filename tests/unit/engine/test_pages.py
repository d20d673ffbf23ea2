"""Pages through the windows of a table: each window definition, several partitions."""

from contextlib import ExitStack
from random import Random

import pytest
from collected_events import Definition, declare_table
from partition_driver import Drive, PartitionDriver
from plans import MINUTE
from raw_records import NOON, Raw, raw_tick
from table_pages import page as page_of

from app.market.records import Tick
from app.worker import TickApp
from eventfold.engine.window_table import Place, WindowTable, place_of
from eventfold.windows import WindowResult

#: Count windows and cumulating windows share starts; the others do not.
KINDS = ["1m", "5m/1m", "1m/event~1s", "cumulate 5m 1m", "session 1m", "count 2/1", "count 1"]

END = 1 << 60


def _ticks(seed: int, names: str) -> list[Raw]:
    """Return an hour of ticks in which many come at the same time; B has gaps."""
    dice, clock, ticks = Random(seed), NOON, []
    for number in range(120):
        clock += dice.choice([0, 0, 400, 30_000, 90_000])
        name = "B" if number % 50 == 0 else dice.choice(names)
        ticks.append(raw_tick(number, Tick(name, 1.0, clock)))
    return ticks


def _every(table: WindowTable, begin: int = 0, end: int = END) -> list[Place]:
    (window,) = table.windows
    keys = table.keys()
    return [place_of(each) for key in keys for each in table.results(key, window, begin, end)]


def _pages(table: WindowTable, limit: int, begin: int = 0, end: int = END) -> list[WindowResult]:
    (window,) = table.windows
    found: list[WindowResult] = []
    after = None
    while page := page_of(table, window, begin=begin, end=end, limit=limit, after=after):
        assert len(page) <= limit
        found += page
        after = place_of(page[-1])
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_pages_return_all_windows_once_and_in_order(
    application: TickApp, drive: Drive, kind: str
) -> None:
    """Before and after the windows are in the store."""
    table = declare_table(application, Definition(kind, MINUTE, 24 * 60 * MINUTE))
    with ExitStack() as ending:
        drivers = [
            ending.enter_context(drive(table, _ticks(number, names), partition=number))
            for number, names in enumerate(("A", "CĄ"))
        ]
        for driver in drivers:
            table.open(driver.state)
            ending.callback(table.close, driver.state)
        for settle in (PartitionDriver.fold_rest, PartitionDriver.settle):
            for driver in drivers:
                settle(driver)
            every = _every(table)
            assert len(every) > 40
            assert every == sorted(set(every))
            for limit in (1, 3, 17, len(every) - 1, len(every), len(every) + 1):
                assert [place_of(each) for each in _pages(table, limit)] == every
            begin, end = NOON + 7 * MINUTE, NOON + 20 * MINUTE
            assert [place_of(each) for each in _pages(table, 4, begin, end)] == _every(
                table, begin, end
            )
