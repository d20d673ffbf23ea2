"""Random ticks, and what may become of the workers that fold them."""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

from app.market.records import Tick
from app.market.topics import TICKS
from eventfold.testing import Moment, TopologyDriver

#: What the fixture `market` is: it makes a driver of all stages of the product's pipeline.
Market = Callable[..., TopologyDriver]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

#: Of the windows of minutes, and of days (ms).
GRACE, DAY_GRACE = 5 * MINUTE, 4 * HOUR

#: 2026-01-30T23:00:00Z: an hour before a day ends.
EVENING = 1_769_814_000_000

#: When all of it is history.
LATER = EVENING + 60 * DAY

#: More than ten, for a ranking; most ticks are of the first.
SYMBOLS = [f"S{number:02}" for number in range(13)]

MOMENTS: list[Moment | None] = [None, "before commit", "after commit"]


class Step(NamedTuple):
    """Some ticks come, in batches of a size; time passes (ms); then something happens."""

    ticks: int
    batch: int
    passes: int
    event: str
    #: Which worker or partition it happens to.
    which: int
    at: Moment | None


def _one(driver: TopologyDriver, step: Step) -> str:
    workers = list(driver.assignment)
    return workers[step.which % len(workers)]


def _others(driver: TopologyDriver, one: str) -> list[str]:
    return [name for name in driver.assignment if name != one] or ["w4" if one != "w4" else "w5"]


def kill(driver: TopologyDriver, step: Step) -> None:
    """A worker dies; after a while others get what it had."""
    one = _one(driver, step)
    others = _others(driver, one)
    driver.kill(one)
    driver.advance(step.passes)
    driver.rebalance(others)


def outlive(driver: TopologyDriver, step: Step) -> None:
    """A worker stands still until others have what it had, and goes on."""
    one = _one(driver, step)
    others = _others(driver, one)
    driver.freeze(one)
    driver.rebalance(others)
    driver.advance(step.passes)
    driver.thaw(one)


def fail(driver: TopologyDriver, step: Step) -> None:
    """The next transaction of a task has no answer."""
    tasks = sorted(tp for tps in driver.assignment.values() for tp in tps)
    tp = tasks[step.which % len(tasks)]
    driver.fail_checkpoint(tp.topic, tp.partition, step.at or "before commit")


def move(driver: TopologyDriver, step: Step) -> None:
    """The even and the odd partitions change places."""
    numbers = {tp.partition for tps in driver.assignment.values() for tp in tps}
    even = {number for number in numbers if number % 2 == step.which % 2}
    driver.rebalance({"w1": even, "w2": numbers - even})


#: Name → what happens.
EVENTS: dict[str, Callable[[TopologyDriver, Step], object]] = {
    "nothing": lambda *_: None,
    "crash of all": lambda driver, step: driver.crash(at=step.at),
    "crash of one": lambda driver, step: driver.crash(_one(driver, step), at=step.at),
    "loss of a disk": lambda driver, step: driver.crash(
        _one(driver, step), at=step.at, lose_store=True
    ),
    "kill": kill,
    "restart": lambda driver, step: driver.restart(_one(driver, step)),
    "rebalance": lambda driver, step: driver.rebalance(["w1", "w2", "w3"][: step.which % 3 + 1]),
    "move": move,
    "failure": fail,
    "zombie": outlive,
    "compaction": lambda driver, _: driver.compact(),
}

STEPS = st.builds(
    Step,
    ticks=st.integers(0, 12),
    batch=st.integers(1, 20),
    passes=st.sampled_from([0, 0, 70, 200, 430, 1_000, 3_500]),
    event=st.sampled_from(["nothing", *EVENTS]),
    which=st.integers(0, 5),
    at=st.sampled_from(MOMENTS),
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


class Life(NamedTuple):
    """Ticks, and the events that happen meanwhile."""

    ticks: list[Tick | bytes]
    steps: list[Step]
    #: How long a transaction takes (ms).
    commit_time: int


LIVES = st.builds(
    Life, ticks(), st.lists(STEPS, min_size=1, max_size=7), st.sampled_from([0, 30, 250])
)


def pipe_tick(driver: TopologyDriver, tick: Tick | bytes) -> None:
    """Pipe a tick, or bytes as they are."""
    if isinstance(tick, bytes):
        driver.pipe_raw(TICKS, tick, tick)
    else:
        driver.pipe(TICKS, tick)


def live(
    driver: TopologyDriver,
    life: Life,
    pipe: Callable[[TopologyDriver, Tick | bytes], object] = pipe_tick,
) -> None:
    """Take all steps, pipe the ticks that are left, and settle the driver."""
    left = list(life.ticks)
    for step in life.steps:
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
