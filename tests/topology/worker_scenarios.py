"""Random ticks, and random failures and rebalances of the workers that fold them."""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

from app.market.records import Tick
from app.market.topics import TICKS
from eventfold.testing import Moment, TopologyDriver

#: Type of the fixture `market`: it makes a driver of all stages of the product's pipeline.
Market = Callable[..., TopologyDriver]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

#: Grace of the windows of minutes, and of days (ms).
GRACE, DAY_GRACE = 5 * MINUTE, 4 * HOUR

#: 2026-01-30T23:00:00Z: an hour before a day ends.
EVENING = 1_769_814_000_000

#: An instant at which all ticks are in the past.
LATER = EVENING + 60 * DAY

#: More than ten, for a ranking; most ticks are of the first.
SYMBOLS = [f"S{number:02}" for number in range(13)]

CRASH_POINTS: list[Moment | None] = [None, "before commit", "after commit"]


class Step(NamedTuple):
    """Some ticks arrive, in batches of a size; time advances (ms); then an event happens."""

    ticks: int
    batch: int
    passes: int
    event: str
    #: Number of the worker or partition that the event happens to.
    which: int
    at: Moment | None


def _worker_of(driver: TopologyDriver, step: Step) -> str:
    workers = list(driver.assignment)
    return workers[step.which % len(workers)]


def _other_workers(driver: TopologyDriver, worker: str) -> list[str]:
    return [name for name in driver.assignment if name != worker] or [
        "w4" if worker != "w4" else "w5"
    ]


def kill(driver: TopologyDriver, step: Step) -> None:
    """Kill a worker; after a while others get its partitions."""
    worker = _worker_of(driver, step)
    others = _other_workers(driver, worker)
    driver.kill(worker)
    driver.advance(step.passes)
    driver.rebalance(others)


def freeze_through_rebalance(driver: TopologyDriver, step: Step) -> None:
    """Freeze a worker until others own its partitions, then let it go on."""
    worker = _worker_of(driver, step)
    others = _other_workers(driver, worker)
    driver.freeze(worker)
    driver.rebalance(others)
    driver.advance(step.passes)
    driver.thaw(worker)


def fail_checkpoint(driver: TopologyDriver, step: Step) -> None:
    """Leave the next transaction of a task without an answer."""
    tasks = sorted(tp for tps in driver.assignment.values() for tp in tps)
    tp = tasks[step.which % len(tasks)]
    driver.fail_checkpoint(tp.topic, tp.partition, step.at or "before commit")


def swap_partitions(driver: TopologyDriver, step: Step) -> None:
    """Swap the even and the odd partitions of two workers."""
    numbers = {tp.partition for tps in driver.assignment.values() for tp in tps}
    even = {number for number in numbers if number % 2 == step.which % 2}
    driver.rebalance({"w1": even, "w2": numbers - even})


#: Event by name.
EVENTS: dict[str, Callable[[TopologyDriver, Step], object]] = {
    "nothing": lambda *_: None,
    "crash of all": lambda driver, step: driver.crash(at=step.at),
    "crash of one": lambda driver, step: driver.crash(_worker_of(driver, step), at=step.at),
    "loss of a disk": lambda driver, step: driver.crash(
        _worker_of(driver, step), at=step.at, lose_store=True
    ),
    "kill": kill,
    "restart": lambda driver, step: driver.restart(_worker_of(driver, step)),
    "rebalance": lambda driver, step: driver.rebalance(["w1", "w2", "w3"][: step.which % 3 + 1]),
    "move": swap_partitions,
    "failure": fail_checkpoint,
    "zombie": freeze_through_rebalance,
    "compaction": lambda driver, _: driver.compact(),
}

STEPS = st.builds(
    Step,
    ticks=st.integers(0, 12),
    batch=st.integers(1, 20),
    passes=st.sampled_from([0, 0, 70, 200, 430, 1_000, 3_500]),
    event=st.sampled_from(["nothing", *EVENTS]),
    which=st.integers(0, 5),
    at=st.sampled_from(CRASH_POINTS),
)


def _quarters(number: int) -> float:
    return number / 4


@st.composite
def ticks(draw: st.DrawFn, max_size: int = 60) -> list[Tick | bytes]:
    """Draw ticks whose time advances, lags (some beyond any grace) and leaps; `bytes` are garbage.

    Prices and sizes are such that sums of floats are exact.
    """
    onward = st.sampled_from([0, 1, 5_000, 30_000, 59_999, 60_000, 90_000, 20 * MINUTE, 5 * HOUR])
    # Some are behind by exactly a grace, or a millisecond more or less.
    graces = [grace + by for grace in (GRACE, DAY_GRACE) for by in (-1, 0, 1)]
    behind = st.sampled_from([0, 0, 0, 1, 30_000, 4 * MINUTE, 6 * MINUTE, HOUR, 6 * HOUR, *graces])
    fields = st.tuples(
        st.sampled_from(SYMBOLS) | st.sampled_from(SYMBOLS[:3]),
        onward,
        behind,
        st.integers(4, 40).map(_quarters) | st.integers(-4, 4).map(_quarters),
        st.integers(0, 3) | st.integers(0, 6).map(_quarters),
        st.integers(0, 19),
    )
    clock, drawn = EVENING, []
    length = draw(st.integers(1, max_size))
    for symbol, step, lag, price, size, luck in draw(
        st.lists(fields, min_size=length, max_size=length)
    ):
        clock += step
        drawn.append(b"?" if luck == 0 else Tick(symbol, price, clock - lag, size))
    return drawn


class Scenario(NamedTuple):
    """Ticks, and the events that happen while they are folded."""

    ticks: list[Tick | bytes]
    steps: list[Step]
    #: How long a transaction takes (ms).
    commit_time: int


SCENARIOS = st.builds(
    Scenario, ticks(), st.lists(STEPS, min_size=1, max_size=7), st.sampled_from([0, 30, 250])
)


def pipe_tick(driver: TopologyDriver, tick: Tick | bytes) -> None:
    """Pipe a tick, or bytes as they are."""
    if isinstance(tick, bytes):
        driver.pipe_raw(TICKS, tick, tick)
    else:
        driver.pipe(TICKS, tick)


def play(
    driver: TopologyDriver,
    scenario: Scenario,
    pipe: Callable[[TopologyDriver, Tick | bytes], object] = pipe_tick,
) -> None:
    """Take all steps, pipe the remaining ticks, and settle the driver."""
    left = list(scenario.ticks)
    for step in scenario.steps:
        driver.batch = step.batch
        for tick in left[: step.ticks]:
            pipe(driver, tick)
        left = left[step.ticks :]
        driver.run()
        driver.advance(step.passes)
        EVENTS[step.event](driver, step)
    for tick in left:
        pipe(driver, tick)
    driver.settle()
