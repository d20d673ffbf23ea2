"""An application is restarted with other settings: final results stay final."""

import pytest
from redeclared import BARS, LATE, TRADES, Deploy, Deployment

from app.market.records import Tick
from eventfold.engine.errors import TaskError
from eventfold.records.candles import Candle
from eventfold.testing import TopologyDriver
from eventfold.windows import at_most_every, every_change, on_close

MINUTE = 60_000

#: Kinds of tables: tumbling, hopping (panes that several windows share), sessions.
KINDS = {
    "tumbling": Deployment(),
    "hopping": Deployment(windows=("1m", "5m/1m")),
    "every change": Deployment(emit=every_change()),
    "sessions": Deployment(windows=("session 1m",)),
}


def finals(driver: TopologyDriver, size: int = MINUTE) -> list[Candle]:
    """Return the final windows of a size, in the order in which they were published."""
    return [bar for bar in driver.topic(BARS) if bar.final and bar.size == size]


def close_minute_0(driver: TopologyDriver) -> int:
    """Pipe six trades into a minute, then one that makes it final; return when it began."""
    noon = driver.now
    for number in range(6):
        driver.pipe(TRADES, Tick("A", 100.0 + number, noon + number * 1_000, 1))
    driver.pipe(TRADES, Tick("A", 200.0, noon + 7 * MINUTE, 1))
    driver.settle()
    (final,) = finals(driver)
    assert (final.low, final.count, final.revision) == (100.0, 6, 11)
    return noon


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["restart", "crash"])
def test_larger_grace_reopens_no_final_window(deploy: Deploy, kind: str, end: str) -> None:
    """A trade of a window that was final before the restart is late, and counted as such."""
    before = KINDS[kind]
    with TopologyDriver(deploy(before), partitions=1) as driver:
        noon = close_minute_0(driver)
        if end == "crash":
            driver.kill()
        driver.restart(app=deploy(before._replace(grace="30m")))
        (late,) = driver.pipe(TRADES, Tick("A", 7.0, noon + 10_000, 1))
        # In one batch with a trade that advances stream time.
        newest = Tick("A", 202.0, noon + 7 * MINUTE + 1_000, 1)
        driver.pipe(TRADES, newest, Tick("B", 8.0, noon + 20_000, 1))
        driver.settle()
        driver.advance("1h")
        driver.pipe(TRADES, Tick("A", 201.0, noon + 60 * MINUTE, 1))
        driver.settle()
        first, *others = finals(driver)
        assert (first.start, first.count, first.low) == (noon, 6, 100.0)
        assert all(other.start > noon + MINUTE for other in others)
        assert [tick.price for tick in driver.topic(LATE)] == [7.0, 8.0]
        assert driver.topic(LATE)[0].offset == late.offset
        assert not any(7.0 <= bar.low <= 8.0 for bar in driver.topic(BARS))


@pytest.mark.parametrize("kind", KINDS)
def test_larger_grace_applies_to_windows_open_at_the_restart(deploy: Deploy, kind: str) -> None:
    """Windows that were open stay open for longer: a trade that would have been late counts."""
    before = KINDS[kind]
    with TopologyDriver(deploy(before), partitions=1) as driver:
        noon = close_minute_0(driver)
        driver.restart(app=deploy(before._replace(grace="30m")))
        driver.pipe(TRADES, Tick("A", 1.0, noon + 7 * MINUTE, 1))
        driver.pipe(TRADES, Tick("A", 1.0, noon + 20 * MINUTE, 1))
        driver.pipe(TRADES, Tick("A", 2.0, noon + 7 * MINUTE, 1))
        driver.settle()
        driver.advance("1h")
        driver.pipe(TRADES, Tick("A", 1.0, noon + 60 * MINUTE, 1))
        driver.settle()
        assert driver.topic(LATE) == []
        minute = next(bar for bar in finals(driver) if bar.start == noon + 7 * MINUTE)
        assert (minute.count, minute.low) == (3, 1.0)


def test_smaller_grace_closes_windows_once(deploy: Deploy) -> None:
    """The windows between the two watermarks become final with the trades they have."""
    with TopologyDriver(deploy(Deployment(grace="30m")), partitions=1) as driver:
        noon = driver.now
        driver.pipe(TRADES, Tick("A", 1.0, noon, 1), Tick("A", 2.0, noon + 10 * MINUTE, 1))
        driver.settle()
        assert finals(driver) == []
        driver.restart(app=deploy(Deployment(grace="1m")))
        driver.settle()
        driver.pipe(TRADES, Tick("A", 3.0, noon, 1))
        driver.settle()
        (final,) = finals(driver)
        assert (final.start, final.count) == (noon, 1)
        assert [tick.price for tick in driver.topic(LATE)] == [3.0]


def test_no_session_overlaps_a_final_one(deploy: Deploy) -> None:
    """Finals are published in slices: of sessions that end at one instant only some are final."""
    sessions = Deployment(windows=("session 1m",))
    with TopologyDriver(deploy(sessions), partitions=1, commit_time="50ms") as driver:
        noon = driver.now
        symbols = [f"S{number:04}" for number in range(1_500)]
        driver.batch = 5_000
        driver.pipe(TRADES, *(Tick(symbol, 1.0, noon, 1) for symbol in symbols))
        driver.settle()
        driver.pipe(TRADES, Tick("Z", 1.0, noon + 7 * MINUTE, 1))
        # A publication closes a thousand sessions; all of these end at one instant.
        while not finals(driver):
            driver.advance("10ms")
        assert len(finals(driver)) == 1_000
        driver.kill()
        driver.restart(app=deploy(sessions._replace(grace="30m")))
        driver.pipe(TRADES, *(Tick(symbol, 7.0, noon + MINUTE - 1, 1) for symbol in symbols))
        driver.advance("1h")
        driver.pipe(TRADES, Tick("Z", 1.0, noon + 60 * MINUTE, 1))
        driver.settle()
        ended = {bar.symbol: bar for bar in finals(driver) if bar.start == noon}
        assert len([bar for bar in finals(driver) if bar.symbol != "Z"]) == len(ended) == 1_500
        assert {(bar.count, bar.end) for bar in ended.values()} == {(1, noon + MINUTE)}
        assert len(driver.topic(LATE)) == 1_500


def test_longer_retention_returns_no_partial_window(deploy: Deploy) -> None:
    """Rows deleted under a shorter retention are gone, and so are windows that need them."""
    short = Deployment(windows=("5m/1m",), grace="1m", retention="10m")
    with TopologyDriver(deploy(short), partitions=1) as driver:
        noon = driver.now
        for number in range(40):
            driver.pipe(TRADES, Tick("A", 1.0, noon + number * MINUTE, 1))
            driver.advance("1s")
        driver.settle()
        app = deploy(short._replace(retention="1d"))
        driver.restart(app=app)
        driver.pipe(TRADES, Tick("A", 1.0, noon + 40 * MINUTE, 1))
        driver.settle()
        (table,) = app.tasks.tables
        answered = table.read("A", table.windows[0], 0, noon + 30 * MINUTE)
        assert answered
        assert {bar.count for bar in answered} == {5}


def test_shorter_retention_publishes_no_window_again(deploy: Deploy) -> None:
    """Deleted windows were published as final, and a trade of one is late."""
    long = Deployment(grace="1m")
    with TopologyDriver(deploy(long), partitions=1) as driver:
        noon = driver.now
        for number in range(40):
            driver.pipe(TRADES, Tick("A", 1.0, noon + number * MINUTE, 1))
        driver.settle()
        app = deploy(long._replace(retention="5m"))
        driver.restart(app=app)
        driver.pipe(TRADES, Tick("A", 1.0, noon + 40 * MINUTE, 1))
        driver.settle()
        driver.pipe(TRADES, Tick("A", 7.0, noon, 1))
        driver.settle()
        (table,) = app.tasks.tables
        assert min(bar.start for bar in table.read("A", table.windows[0], 0, 2 * noon)) > noon
        assert [tick.price for tick in driver.topic(LATE)] == [7.0]
        published = [bar.start for bar in finals(driver)]
        assert len(published) == len(set(published))


#: Settings before and after; the windows that the error names if the change is rejected.
PAIRS = [
    (Deployment(), Deployment(), None),
    (Deployment(), Deployment(grace="30m"), None),
    (Deployment(), Deployment(grace="0ms"), None),
    (Deployment(), Deployment(retention="2d"), None),
    (Deployment(), Deployment(retention="1h"), None),
    (Deployment(), Deployment(emit=on_close()), None),
    (Deployment(emit=on_close()), Deployment(emit=every_change()), None),
    (Deployment(emit=every_change()), Deployment(emit=at_most_every("2s")), None),
    (Deployment(), Deployment(publish_interval="3s"), None),
    (Deployment(), Deployment(standbys=0), None),
    (Deployment(windows=("1m", "5m")), Deployment(windows=("5m", "1m")), None),
    (Deployment(windows=("15m/5m",)), Deployment(windows=("10m/5m",)), "15m/5m"),
    (Deployment(windows=("1m", "5m")), Deployment(windows=("1m",)), "1m,5m"),
    (Deployment(windows=("1m",)), Deployment(windows=("1m", "5m")), "1m"),
    (Deployment(windows=("1m",)), Deployment(windows=("2m",)), "1m"),
    (Deployment(windows=("1m",)), Deployment(windows=("session 1m",)), "1m"),
    (Deployment(windows=("session 1m",)), Deployment(windows=("session 2m",)), "session 1m"),
    (Deployment(windows=("count 10",)), Deployment(windows=("count 10/5",)), "count 10"),
]


@pytest.mark.parametrize(("before", "after", "rejected"), PAIRS)
def test_all_settings_but_windows_may_change_between_runs(
    deploy: Deploy, before: Deployment, after: Deployment, rejected: str | None
) -> None:
    """Other windows are rejected before anything is folded, and can be set back."""
    with TopologyDriver(deploy(before), partitions=1) as driver:
        noon = driver.now
        driver.pipe(TRADES, Tick("A", 1.0, noon, 1))
        driver.settle()
        driver.pipe(TRADES, Tick("A", 2.0, noon, 1))
        if rejected is None:
            driver.restart(app=deploy(after))
        else:
            with pytest.raises(TaskError) as caught:
                driver.restart(app=deploy(after))
            line = str(caught.value)
            assert line.startswith(f"table bars: its state is of windows {rejected}, ")
            assert f"this worker's are {','.join(after.windows)}," in line
            assert "set them back" in line
            assert "\n" not in line
            driver.restart(app=deploy(before))
        driver.settle()
        driver.advance("1h")
        driver.pipe(TRADES, Tick("A", 1.0, noon + 60 * MINUTE, 1))
        driver.settle()
        counted = [bar.count for bar in driver.topic(BARS) if bar.start == noon]
        assert 2 in counted
