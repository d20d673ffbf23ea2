"""Settings change at random restarts: finals stay final, each trade is accounted for once."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from redeclared import BARS, LATE, TRADES, Deploy, Deployment

from app.market.records import Tick
from eventfold.engine.errors import TaskError
from eventfold.records.candles import Candle
from eventfold.testing import START, Moment, TopologyDriver
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import EmitStrategy, at_most_every, every_change, on_close, parse_duration

MINUTE, DAY = 60_000, 86_400_000

#: Windows of a table, and windows that it can't be changed to.
WINDOWS = {
    ("1m",): ("2m",),
    ("1m", "5m/1m"): ("1m", "4m/1m"),
    ("3m/event",): ("2m/event",),
    ("session 2m",): ("session 1m",),
}

#: Number of windows of each trade, by size and advance (ms); of other windows one or more.
OVERLAP = {(MINUTE, MINUTE): 1, (5 * MINUTE, MINUTE): 5, (2 * MINUTE, 2 * MINUTE): 1}

EMIT_STRATEGIES: list[EmitStrategy | None] = [None, on_close(), every_change(), at_most_every("3s")]
CRASH_POINTS: list[Moment | None] = [None, "before commit", "after commit"]


class PlannedTrade(NamedTuple):
    """A trade so many ms after those before it, and so many behind; or garbage."""

    symbol: str
    onward: int
    behind: int
    price: float
    is_garbage: bool


class Run(NamedTuple):
    """Some trades arrive, then the application ends and restarts with other settings."""

    trades: list[PlannedTrade]
    batch: int
    passes: int
    end: str
    at: Moment | None
    workers: int
    rejected: bool
    next: Deployment


class Scenario(NamedTuple):
    """Trades, and the settings with which they are folded."""

    first: Deployment
    runs: list[Run]
    rest: list[PlannedTrade]
    commit_time: int


class Trade(NamedTuple):
    """A readable trade with its coordinates, and the stream time of its partition before it."""

    partition: int
    offset: int
    tick: Tick
    before: int


#: Trades on both sides of window bounds, after leaps, and late by one grace but not another.
PLANNED_TRADES = st.builds(
    PlannedTrade,
    symbol=st.sampled_from("ABC"),
    onward=st.sampled_from([0, 1, MINUTE - 1, MINUTE, MINUTE + 1, 7 * MINUTE, 45 * MINUTE]),
    behind=st.sampled_from([0, 0, 1, MINUTE, 5 * MINUTE, 6 * MINUTE, 20 * MINUTE, DAY // 8]),
    price=st.integers(1, 40).map(lambda quarters: quarters / 4),
    is_garbage=st.integers(0, 19).map(lambda luck: luck == 0),
)


@st.composite
def scenarios(draw: st.DrawFn, kinds: list[tuple[str, ...]]) -> Scenario:
    """Draw a scenario of one table, of windows of one of these kinds."""
    windows = draw(st.sampled_from(kinds))
    deployments = st.builds(
        Deployment,
        windows=st.just(windows),
        grace=st.sampled_from(["0ms", "1m", "5m", "30m"]),
        retention=st.sampled_from(["40m", "2h", "1d"]),
        emit=st.sampled_from(EMIT_STRATEGIES),
        publish_interval=st.sampled_from(["1s", "5s"]),
        standbys=st.integers(0, 2),
    )
    runs = st.builds(
        Run,
        trades=st.lists(PLANNED_TRADES, min_size=3, max_size=10),
        batch=st.integers(1, 20),
        passes=st.sampled_from([0, 70, 200, 430, 1_000, 3_500]),
        end=st.sampled_from(["stop", "crash", "disk"]),
        at=st.sampled_from(CRASH_POINTS),
        workers=st.integers(1, 3),
        rejected=st.booleans(),
        next=deployments,
    )
    return Scenario(
        draw(deployments),
        draw(st.lists(runs, min_size=2, max_size=6)),
        draw(st.lists(PLANNED_TRADES, min_size=3, max_size=10)),
        draw(st.sampled_from([0, 30, 250])),
    )


def pipe(driver: TopologyDriver, planned: Iterable[PlannedTrade], clock: int) -> int:
    """Pipe trades and garbage; return the clock (ms) after them."""
    for each in planned:
        if each.is_garbage:
            driver.pipe_raw(TRADES, each.symbol.encode(), b"?")
        else:
            clock += each.onward
            driver.pipe(TRADES, Tick(each.symbol, each.price, clock - each.behind, 1))
    return clock


def end(driver: TopologyDriver, run: Run) -> None:
    """End the workers: gracefully, by a crash, or by a crash with loss of their disks."""
    if run.end == "stop":
        return
    driver.crash(at=run.at, lose_store=run.end == "disk")
    driver.kill()


def play(driver: TopologyDriver, scenario: Scenario, deploy: Deploy) -> None:
    """Play all runs, then advance until all windows are final."""
    clock, current, committed = START, scenario.first, False
    for run in scenario.runs:
        driver.batch = run.batch
        clock = pipe(driver, run.trades, clock)
        driver.run()
        driver.advance(run.passes)
        end(driver, run)
        # Only an application that has committed something is bound to its windows.
        committed = committed or run.end == "stop"
        if run.rejected and committed:
            other = current._replace(windows=WINDOWS[current.windows])
            with pytest.raises(TaskError, match="windows can't change in place"):
                driver.restart(app=deploy(other))
            event("other windows were rejected")
        if run.next.grace != current.grace:
            event("the grace was changed")
        current = run.next
        driver.restart(app=deploy(current))
        driver.rebalance(["w1", "w2", "w3"][: run.workers])
    clock = pipe(driver, scenario.rest, clock)
    driver.settle()
    for partition in range(2):
        driver.pipe(TRADES, Tick(f"END{partition}", 1.0, clock + DAY, 1), partition=partition)
    driver.settle()


def readable(driver: TopologyDriver) -> list[Trade]:
    """Return all trades that can be read, in order."""
    clock: dict[int, int] = {}
    found = []
    for record in sorted(driver.records(TRADES), key=lambda each: (each.partition, each.offset)):
        if record.value == b"?":
            continue
        tick = msgspec.json.decode(record.value or b"", type=Tick)
        before = clock.get(record.partition, -1)
        found.append(Trade(record.partition, record.offset, tick, before))
        clock[record.partition] = max(before, tick.time)
    return found


def accepted_trades(driver: TopologyDriver, scenario: Scenario) -> list[Trade]:
    """Assert that garbage is a dead letter, each trade late or accepted; return the accepted."""
    letters = Counter((each.partition, each.offset) for each in driver.topic(DEAD_LETTERS))
    garbage = [each for each in driver.records(TRADES) if each.value == b"?"]
    assert letters == Counter((each.partition, each.offset) for each in garbage)
    late = Counter((each.partition, each.offset) for each in driver.topic(LATE))
    assert max(late.values(), default=1) == 1
    graces = [
        parse_duration(each.grace)
        for each in (scenario.first, *(run.next for run in scenario.runs))
    ]
    accepted = []
    for trade in readable(driver):
        behind = trade.before - trade.tick.time
        if (trade.partition, trade.offset) in late:
            assert behind > min(graces)
        else:
            assert behind <= max(graces)
            accepted.append(trade)
    return accepted


def assert_final_once(driver: TopologyDriver) -> list[Candle]:
    """Assert that nothing is published of a window after its final result; return the final ones.

    For the start of a retracted session, the last result is its retraction.
    """
    ended: set[tuple[str, int, int, int]] = set()
    finals, revisions = [], {}
    for bar in driver.topic(BARS):
        window = bar.symbol, bar.size, bar.advance, bar.start
        assert window not in ended, f"{window} was final and is published again"
        assert bar.revision > revisions.get(window, -1)
        revisions[window] = bar.revision
        if bar.final:
            ended.add(window)
            if bar.count:
                finals.append(bar)
    return finals


def assert_windows_match_accepted_trades(finals: list[Candle], accepted: list[Trade]) -> None:
    """Assert that each final window has the trades of its span, and each trade its windows."""
    windows: Counter[tuple[int, int, int, int]] = Counter()
    for bar in finals:
        inside = [
            trade
            for trade in accepted
            if trade.tick.symbol == bar.symbol and bar.start <= trade.tick.time < bar.end
        ]
        prices = [trade.tick.price for trade in inside]
        assert (bar.count, bar.volume) == (len(inside), len(inside))
        assert (bar.low, bar.high) == (min(prices), max(prices))
        offsets = [trade.offset for trade in inside]
        assert (bar.first_offset, bar.last_offset) == (min(offsets), max(offsets))
        for trade in inside:
            windows[trade.partition, trade.offset, bar.size, bar.advance] += 1
    kinds = {(bar.size, bar.advance) for bar in finals}
    for trade in accepted:
        if not trade.tick.symbol.startswith("END"):
            for kind in kinds:
                found = windows[(trade.partition, trade.offset, *kind)]
                assert found == OVERLAP.get(kind, found or 1)


def assert_exact(deploy: Deploy, scenario: Scenario) -> None:
    """Assert that no final window changes, nothing counts twice, and no trade is lost."""
    with TopologyDriver(
        deploy(scenario.first),
        partitions=2,
        commit_time=scenario.commit_time,
        start=START + 60 * DAY,
    ) as driver:
        play(driver, scenario, deploy)
        accepted = accepted_trades(driver, scenario)
        finals = assert_final_once(driver)
        assert_windows_match_accepted_trades(finals, accepted)


@settings(max_examples=40)
@given(scenarios([("1m",), ("1m", "5m/1m")]))
def test_results_are_exact_when_settings_change_at_random_restarts(
    deploy: Deploy, scenario: Scenario
) -> None:
    """The native extension folds these windows, and pure Python folds the same."""
    assert_exact(deploy, scenario)


@settings(max_examples=30)
@given(scenarios([("3m/event",), ("session 2m",)]))
def test_sliding_and_session_windows_are_exact_when_settings_change(
    deploy: Deploy, scenario: Scenario
) -> None:
    """Their bounds depend on the trades."""
    assert_exact(deploy, scenario)
