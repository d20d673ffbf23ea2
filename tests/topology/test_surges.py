"""ticks -> surges -> surges (one partition) -> latest-surges: the product's sliding windows."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_truth import judge
from prometheus_client import REGISTRY
from surge_truth import GRACE, MINUTE, SECOND, latest, minutes, surges
from worker_scenarios import CRASH_POINTS, EVENING, LATER, STEPS, Scenario, play

from app import app
from app.market.rankings import newest_surges
from app.market.records import Surge, Tick
from app.market.topics import SURGES, TICKS
from eventfold.testing import TopologyDriver
from tables.latest_surges import latest_surges
from tables.surges import surges as table

WINDOW = table.windows[0]
TABLES = [table, latest_surges]

#: Some moves are large enough for a surge, some are not, one is at the threshold.
PRICES = [100.0, 100.2, 100.39, 100.4, 101.0, 99.0]


@st.composite
def ticks(draw: st.DrawFn) -> list[Tick | bytes]:
    """Draw ticks, several in a second or with gaps; some late, some beyond the grace."""
    fields = st.tuples(
        st.sampled_from("AAABCD"),
        st.sampled_from([0, 1, 300, 999, SECOND, 4 * SECOND, 25 * SECOND, 2 * MINUTE]),
        st.sampled_from([0, 0, 0, 1, 700, 5 * SECOND, GRACE, GRACE + 1, 15 * SECOND]),
        st.sampled_from(PRICES),
        st.integers(0, 3),
        st.integers(0, 19),
    )
    clock, drawn = EVENING, []
    for symbol, step, lag, price, size, luck in draw(st.lists(fields, min_size=1, max_size=60)):
        clock += step
        drawn.append(b"?" if luck == 0 else Tick(symbol, price, clock - lag, size))
    # The last tick makes all before it final, in one partition at least.
    return [*drawn, Tick("A", 100.0, clock + MINUTE)]


SCENARIOS = st.builds(
    Scenario, ticks(), st.lists(STEPS, min_size=1, max_size=7), st.sampled_from([0, 30, 250])
)


@settings(max_examples=80)
@given(SCENARIOS)
def test_surges_are_exact_through_random_worker_failures(scenario: Scenario) -> None:
    """Each surge of all ticks at once is published once, and nothing else is."""
    with TopologyDriver(
        app, tables=TABLES, partitions=2, start=LATER, commit_time=scenario.commit_time
    ) as driver:
        play(driver, scenario)
        truth = judge(driver.records(TICKS))
        right = Counter(map(repr, surges(truth)))
        assert Counter(map(repr, driver.topic(SURGES))) == right
        driver.crash(lose_store=True)
        every = minutes(truth)
        for symbol in "ABCD":
            of_symbol = [every[key] for key in sorted(every) if key[0] == symbol]
            assert table.read(symbol, WINDOW, 0, 1 << 62) == of_symbol
        assert newest_surges(latest_surges, 3) == latest(truth)[:3]
        driver.settle()
        assert Counter(map(repr, driver.topic(SURGES))) == right


@pytest.fixture
def driver() -> Iterator[TopologyDriver]:
    """Yield a driver of surges alone."""
    with TopologyDriver(app, tables=TABLES, partitions=1) as running:
        yield running


def published_finals() -> float:
    """Return how many final results of the table of minutes were published so far."""
    labels = {"table": "surges", "final": "true"}
    return REGISTRY.get_sample_value("eventfold_published_total", labels) or 0


def pipe(driver: TopologyDriver, *moves: tuple[float, float]) -> None:
    """Pipe ticks of A (seconds after the start, price), then advance the clock by 2 s."""
    for seconds, price in moves:
        driver.pipe(TICKS, Tick("A", price, driver_start(driver) + int(seconds * SECOND)))
    driver.advance("2s")


def driver_start(driver: TopologyDriver) -> int:
    """Return the start of the hour (ms), which stays the same while the driver's clock advances."""
    return driver.now // (60 * MINUTE) * 60 * MINUTE


def test_quiet_minute_is_stored_but_not_published(driver: TopologyDriver) -> None:
    """A query returns it like any other; nothing is published, or counted as published."""
    before = published_finals()
    pipe(driver, (0, 100.0), (1, 100.3), (2, 100.1), (20, 100.2))
    found = table.read("A", WINDOW, 0, 1 << 62)
    assert [(each.count, each.final) for each in found] == [
        *((1, True), (2, True), (3, True)),
        (4, False),
    ]
    assert driver.topic(SURGES) == []
    assert published_finals() == before
    assert newest_surges(latest_surges, 10) == []


def test_surge_is_published_once_after_its_grace(driver: TopologyDriver) -> None:
    """It has the prices of the window and the change from its first to its last."""
    before = published_finals()
    start = driver_start(driver)
    pipe(driver, (0, 100.0), (30, 98.0), (30.5, 99.0), (41, 99.1))
    (surge,) = driver.topic(SURGES)
    assert isinstance(surge, Surge)
    assert (surge.start, surge.end) == (start - 29 * SECOND, start + 31 * SECOND)
    assert (surge.open, surge.high, surge.low, surge.last) == (100.0, 100.0, 98.0, 99.0)
    assert (surge.change, surge.count, surge.final) == (-0.01, 3, True)
    assert published_finals() == before + 1
    driver.settle()
    assert newest_surges(latest_surges, 10) == [surge]


def test_a_late_tick_within_the_grace_decides_whether_there_is_a_surge(
    driver: TopologyDriver,
) -> None:
    """By stream time the price had fallen back before the tick that moved it arrived."""
    pipe(driver, (0, 100.0), (3, 100.1), (9, 100.1), (3.9, 103.0), (14, 100.1))
    (surge,) = driver.topic(SURGES)
    assert (surge.last, surge.count, surge.late) == (103.0, 3, 1)


def test_tick_after_the_grace_is_counted_and_makes_no_surge(driver: TopologyDriver) -> None:
    """Only other tables write it to ticks-late."""
    pipe(driver, (0, 100.0), (30, 100.0), (19, 150.0), (60, 100.0))
    assert driver.topic(SURGES) == []
    assert [topic.name for topic in table.topics] == [SURGES.base_name]
    assert table.late_of("A") == 1


def test_seconds_without_a_trade_end_no_window(driver: TopologyDriver) -> None:
    """A window ends with a trade: after a pause the fall is published with the next one."""
    pipe(driver, (0, 100.0), (50, 90.0), (130, 90.0))
    ends = [each.end - driver_start(driver) for each in table.read("A", WINDOW, 0, 1 << 62)]
    assert ends == [1 * SECOND, 51 * SECOND, 131 * SECOND]
    assert [surge.change for surge in driver.topic(SURGES)] == [-0.1]


@pytest.mark.parametrize("crash_point", CRASH_POINTS)
def test_no_surge_is_published_twice_after_a_crash(
    driver: TopologyDriver, crash_point: str | None
) -> None:
    """The crash is before, in or after the checkpoint; the latest surges have it either way."""
    driver.pipe(TICKS, *(Tick("A", 100.0 + n, driver.now + n * SECOND) for n in range(30)))
    driver.run()
    driver.crash(at=crash_point, lose_store=True)
    driver.settle()
    found = driver.topic(SURGES)
    assert [each.end for each in found] == sorted({each.end for each in found})
    assert len(found) == 18
    assert newest_surges(latest_surges, 1) == found[-1:]
