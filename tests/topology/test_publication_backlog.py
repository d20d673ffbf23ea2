"""More windows are due than can be published at once: the panes in memory stay bounded."""

from collections.abc import Iterator

import pytest
from aiokafka import TopicPartition

from app import app
from app.market.records import Tick
from app.market.topics import CANDLES, TICKS
from eventfold.engine import partition
from eventfold.engine.window_state import WindowState
from eventfold.testing import TopologyDriver
from tables.candles import candles

MINUTE = 60_000

SYMBOLS, MINUTES = 50, 200

#: Most ticks of one batch.
BATCH = 5_000


def panes_in_memory() -> int:
    """Count the panes in memory."""
    states = [state for state in candles.open_states() if isinstance(state, WindowState)]
    return sum(state.held for state in states)


def ticks_of_minutes(begin: int) -> Iterator[Tick]:
    """Yield a tick of each symbol and minute."""
    for minute in range(MINUTES):
        for number in range(SYMBOLS):
            yield Tick(f"SYM{number}", 10.0, begin + minute * MINUTE)


def test_folding_waits_while_publication_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tick a window, folding is faster than publishing: one more batch is held at most."""
    monkeypatch.setattr(partition, "CROWD", BATCH)
    with TopologyDriver(app, tables=[candles], partitions=1, commit_time=100) as driver:
        begin = driver.now - 2 * MINUTES * MINUTE
        driver.pipe(TICKS, *ticks_of_minutes(begin))
        driver.advance(1_100)
        before = panes_in_memory()
        driver.pipe(TICKS, *ticks_of_minutes(begin + MINUTES * MINUTE))
        most = panes_in_memory()
        for _ in range(20):
            driver.advance(10)
            most = max(most, panes_in_memory())
        driver.settle()
        finals = {
            (each.symbol, each.start)
            for each in driver.topic(CANDLES)
            if each.final and each.size == MINUTE
        }
    # All but the minutes that are still within the grace.
    assert len(finals) == SYMBOLS * (2 * MINUTES - 6)
    assert most <= before + BATCH


def test_folding_does_not_wait_for_windows_that_are_not_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are more keys than the limit, none of them due: their next records are folded."""
    monkeypatch.setattr(partition, "CROWD", SYMBOLS // 2)
    with TopologyDriver(app, tables=[candles], partitions=1) as driver:
        for _ in range(3):
            driver.pipe(TICKS, *(Tick(f"SYM{n}", 10.0, driver.now) for n in range(SYMBOLS)))
            driver.run()
            driver.advance("2s")
        driver.pipe(TICKS, Tick("SYM0", 10.0, driver.now))
        driver.run()
        assert panes_in_memory() > SYMBOLS // 2
        task = app.tasks.running(TopicPartition(TICKS.base_name, 0))
        assert task is not None
        assert task.position == 3 * SYMBOLS + 1
