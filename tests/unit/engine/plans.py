"""Random ticks, and random plans of what happens to the partition that folds them."""

from typing import NamedTuple

from hypothesis import strategies as st
from partition_driver import PartitionDriver
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick

MINUTE = 60_000

#: Windows begin and end at multiples of this (ms) in most tables of the tests.
PANE = 30_000

#: Events that may follow the folding of some records.
EVENTS = (
    "nothing",
    "checkpoint",
    "publication",
    "folding during a checkpoint",
    "crash",
    "crash during a checkpoint",
    "crash before the store is written",
    "loss of the store",
)


class Step(NamedTuple):
    """Fold some records, in a batch that begins with some known ones; then an event happens."""

    records: int
    again: int
    event: str


def edges(*instants: int) -> st.SearchStrategy[int]:
    """Draw one of some instants or durations (ms), or a millisecond less or more."""
    return st.sampled_from([each + by for each in instants for by in (-1, 0, 1)])


#: How far a tick may be behind stream time (ms): exactly a table's grace, and beyond any grace.
LAGS = (
    st.just(0)
    | edges(1, 30_000, MINUTE, 90_001, 2 * MINUTE, 5 * MINUTE)
    | st.integers(0, 12 * MINUTE)
)

PLANS = st.lists(
    st.builds(Step, st.integers(0, 15), st.integers(0, 3), st.sampled_from(EVENTS)), max_size=8
)


def run_plan(driver: PartitionDriver, plan: list[Step]) -> None:
    """Run all steps of a plan, then fold and publish the rest."""
    for step in plan:
        run_step(driver, step)
    driver.settle()


@st.composite
def ticks(draw: st.DrawFn, max_size: int = 40, behind: st.SearchStrategy[int] = LAGS) -> list[Raw]:
    """Draw ticks of three symbols that advance, leap, and lag (`behind` stream time, ms).

    Half of those that advance are at the edge of a pane, or a millisecond off. Prices and sizes
    are such that sums of floats are exact. Some records can't be read.
    """
    onward = st.sampled_from([0, 1, 5_000, 20_000, 59_999, 60_000, 90_000, 1_200_000])
    fields = st.tuples(
        st.sampled_from("AAABBC"),
        onward,
        st.none() | st.sampled_from([-1, 0, 1]),
        behind,
        st.integers(1, 40).map(lambda quarters: quarters / 4),
        st.integers(0, 3),
        st.integers(1, 3),
        st.integers(0, 19),
    )
    raw, offset, clock = [], draw(st.integers(0, 5)), NOON
    # By default hypothesis draws lists of five.
    length = draw(st.integers(0, max_size))
    for drawn in draw(st.lists(fields, min_size=length, max_size=length)):
        symbol, step, off, lag, price, size, gap, luck = drawn
        if not lag:
            clock += step
            if off is not None:
                clock = max(clock, clock + -clock % PANE + off)
        tick = raw_tick(offset, Tick(symbol, price, clock - lag, size))
        raw.append(tick._replace(value=b"?") if luck == 0 else tick)
        offset += gap
    return raw


def run_step(driver: PartitionDriver, step: Step) -> None:
    """Run one step of a plan."""
    driver.fold(step.records, again=step.again)
    match step.event:
        case "checkpoint":
            driver.checkpoint(publish=False)
        case "publication":
            driver.checkpoint()
        case "folding during a checkpoint":
            snapshot = driver.snapshot()
            driver.fold(3)
            driver.commit(snapshot)
        case "crash":
            driver.crash()
        case "crash during a checkpoint":
            driver.snapshot()
            driver.fold(3)
            driver.crash()
        case "crash before the store is written":
            driver.commit(driver.snapshot(), stored=False)
            driver.crash()
        case "loss of the store":
            driver.checkpoint()
            driver.crash(store="lost")
