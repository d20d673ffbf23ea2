"""Settings change at random restarts: what is final stays so, and each trade is in one place."""

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
from eventfold.windows import Emission, at_most_every, every_change, on_close, parse_duration

MINUTE, DAY = 60_000, 86_400_000

#: Windows of a table, and others that it can't get.
WINDOWS = {
    ("1m",): ("2m",),
    ("1m", "5m/1m"): ("1m", "4m/1m"),
    ("3m/event",): ("2m/event",),
    ("session 2m",): ("session 1m",),
}

#: In how many windows each trade is, by size and advance (ms); of others in one or more.
OVERLAP = {(MINUTE, MINUTE): 1, (5 * MINUTE, MINUTE): 5, (2 * MINUTE, 2 * MINUTE): 1}

EMISSIONS: list[Emission | None] = [None, on_close(), every_change(), at_most_every("3s")]
MOMENTS: list[Moment | None] = [None, "before commit", "after commit"]


class Coming(NamedTuple):
    """A trade at so many ms onward from those before it, and so many behind; or garbage."""

    symbol: str
    onward: int
    behind: int
    price: float
    is_garbage: bool


class Run(NamedTuple):
    """Some trades come while the application runs, then it ends and starts with other settings."""

    trades: list[Coming]
    batch: int
    passes: int
    end: str
    at: Moment | None
    workers: int
    refused: bool
    next: Deployment


class Life(NamedTuple):
    """Trades, and the settings with which they are folded."""

    first: Deployment
    runs: list[Run]
    rest: list[Coming]
    commit_time: int


class Trade(NamedTuple):
    """A readable trade where it lies, and the stream time of its partition when it came."""

    partition: int
    offset: int
    tick: Tick
    before: int


#: Times on both sides of edges, leaps, and lags between two graces.
COMING = st.builds(
    Coming,
    symbol=st.sampled_from("ABC"),
    onward=st.sampled_from([0, 1, MINUTE - 1, MINUTE, MINUTE + 1, 7 * MINUTE, 45 * MINUTE]),
    behind=st.sampled_from([0, 0, 1, MINUTE, 5 * MINUTE, 6 * MINUTE, 20 * MINUTE, DAY // 8]),
    price=st.integers(1, 40).map(lambda quarters: quarters / 4),
    is_garbage=st.integers(0, 19).map(lambda luck: luck == 0),
)


@st.composite
def lives(draw: st.DrawFn, kinds: list[tuple[str, ...]]) -> Life:
    """Return a life of one table, of windows of one of these kinds."""
    windows = draw(st.sampled_from(kinds))
    deployments = st.builds(
        Deployment,
        windows=st.just(windows),
        grace=st.sampled_from(["0ms", "1m", "5m", "30m"]),
        retention=st.sampled_from(["40m", "2h", "1d"]),
        emission=st.sampled_from(EMISSIONS),
        publish_interval=st.sampled_from(["1s", "5s"]),
        standbys=st.integers(0, 2),
    )
    runs = st.builds(
        Run,
        trades=st.lists(COMING, min_size=3, max_size=10),
        batch=st.integers(1, 20),
        passes=st.sampled_from([0, 70, 200, 430, 1_000, 3_500]),
        end=st.sampled_from(["stop", "crash", "disk"]),
        at=st.sampled_from(MOMENTS),
        workers=st.integers(1, 3),
        refused=st.booleans(),
        next=deployments,
    )
    return Life(
        draw(deployments),
        draw(st.lists(runs, min_size=2, max_size=6)),
        draw(st.lists(COMING, min_size=3, max_size=10)),
        draw(st.sampled_from([0, 30, 250])),
    )


def pipe(driver: TopologyDriver, coming: Iterable[Coming], clock: int) -> int:
    """Pipe trades and garbage; return the clock (ms) after them."""
    for each in coming:
        if each.is_garbage:
            driver.pipe_raw(TRADES, each.symbol.encode(), b"?")
        else:
            clock += each.onward
            driver.pipe(TRADES, Tick(each.symbol, each.price, clock - each.behind, 1))
    return clock


def end(driver: TopologyDriver, run: Run) -> None:
    """End the workers: in peace, by a crash, or by a crash with loss of their disks."""
    if run.end == "stop":
        return
    driver.crash(at=run.at, lose_store=run.end == "disk")
    driver.kill()


def live(driver: TopologyDriver, life: Life, deploy: Deploy) -> None:
    """Go through all runs, then advance until all windows are final."""
    clock, current, committed = START, life.first, False
    for run in life.runs:
        driver.batch = run.batch
        clock = pipe(driver, run.trades, clock)
        driver.run()
        driver.advance(run.passes)
        end(driver, run)
        # Only what has committed something has windows.
        committed = committed or run.end == "stop"
        if run.refused and committed:
            other = current._replace(windows=WINDOWS[current.windows])
            with pytest.raises(TaskError, match="windows can't change in place"):
                driver.restart(app=deploy(other))
            event("other windows were refused")
        if run.next.grace != current.grace:
            event("the grace was changed")
        current = run.next
        driver.restart(app=deploy(current))
        driver.rebalance(["w1", "w2", "w3"][: run.workers])
    clock = pipe(driver, life.rest, clock)
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


def assert_each_is_in_one_place(driver: TopologyDriver, life: Life) -> list[Trade]:
    """Assert that garbage is a dead letter, a trade late or accepted; return those accepted."""
    letters = Counter((each.partition, each.offset) for each in driver.topic(DEAD_LETTERS))
    garbage = [each for each in driver.records(TRADES) if each.value == b"?"]
    assert letters == Counter((each.partition, each.offset) for each in garbage)
    late = Counter((each.partition, each.offset) for each in driver.topic(LATE))
    assert max(late.values(), default=1) == 1
    graces = [parse_duration(each.grace) for each in (life.first, *(run.next for run in life.runs))]
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
    """Assert that nothing of a window follows its final result; return the final ones.

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


def assert_windows_are_of_what_was_accepted(finals: list[Candle], accepted: list[Trade]) -> None:
    """Each final window has the trades accepted in its span, and each trade has its windows."""
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


def assert_right(deploy: Deploy, life: Life) -> None:
    """No final window changes, nothing counts twice, and no trade is lost."""
    with TopologyDriver(
        deploy(life.first), partitions=2, commit_time=life.commit_time, start=START + 60 * DAY
    ) as driver:
        live(driver, life, deploy)
        accepted = assert_each_is_in_one_place(driver, life)
        finals = assert_final_once(driver)
        assert_windows_are_of_what_was_accepted(finals, accepted)


@settings(max_examples=40)
@given(lives([("1m",), ("1m", "5m/1m")]))
def test_settings_change_at_random_restarts(deploy: Deploy, life: Life) -> None:
    """The windows that the native extension folds, and the same in pure Python."""
    assert_right(deploy, life)


@settings(max_examples=30)
@given(lives([("3m/event",), ("session 2m",)]))
def test_settings_of_windows_that_follow_events_change(deploy: Deploy, life: Life) -> None:
    """Windows that slide with each trade, and sessions."""
    assert_right(deploy, life)
