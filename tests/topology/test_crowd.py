"""More windows than can be published at once: their states do not fill the memory."""

from collections.abc import Iterator

import pytest
from aiokafka import TopicPartition

from app import app
from app.market.records import Tick
from app.market.topics import CANDLES, TICKS
from eventfold.engine import partition
from eventfold.engine.event_time import EventTimeState
from eventfold.testing import TopologyDriver
from tables.candles import candles

MINUTE = 60_000

SYMBOLS, MINUTES = 50, 200

#: Most ticks of one batch.
BATCH = 5_000


def held() -> int:
    """Count the panes in memory."""
    states = [state for state in candles.open_states() if isinstance(state, EventTimeState)]
    return sum(state.held for state in states)


def ticks(begin: int) -> Iterator[Tick]:
    """Yield a tick of each symbol and minute."""
    for minute in range(MINUTES):
        for number in range(SYMBOLS):
            yield Tick(f"SYM{number}", 10.0, begin + minute * MINUTE)


def test_folding_waits_for_results_that_are_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tick a window, folding is faster than saying: only a batch more is ever held."""
    monkeypatch.setattr(partition, "CROWD", BATCH)
    with TopologyDriver(app, tables=[candles], partitions=1, commit_time=100) as driver:
        begin = driver.now - 2 * MINUTES * MINUTE
        driver.pipe(TICKS, *ticks(begin))
        driver.advance(1_100)
        before = held()
        driver.pipe(TICKS, *ticks(begin + MINUTES * MINUTE))
        most = held()
        for _ in range(20):
            driver.advance(10)
            most = max(most, held())
        driver.settle()
        finals = {
            (each.symbol, each.start)
            for each in driver.topic(CANDLES)
            if each.final and each.size == MINUTE
        }
    # All but the last minutes, of which a grace is open.
    assert len(finals) == SYMBOLS * (2 * MINUTES - 6)
    assert most <= before + BATCH


def test_windows_that_are_not_due_yet_are_no_reason_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More keys than folding waits for, none of them behind: their next records are folded."""
    monkeypatch.setattr(partition, "CROWD", SYMBOLS // 2)
    with TopologyDriver(app, tables=[candles], partitions=1) as driver:
        for _ in range(3):
            driver.pipe(TICKS, *(Tick(f"SYM{n}", 10.0, driver.now) for n in range(SYMBOLS)))
            driver.run()
            driver.advance("2s")
        driver.pipe(TICKS, Tick("SYM0", 10.0, driver.now))
        driver.run()
        assert held() > SYMBOLS // 2
        task = app.tasks.running(TopicPartition(TICKS.name, 0))
        assert task is not None
        assert task.position == 3 * SYMBOLS + 1
