"""Windows that slide with each event, where there are as many of them as events."""

from partition_driver import Drive
from raw_records import NOON, raw_tick
from trails import Definition, declared, told

from app.records import Tick
from app.windows import on_close
from app.worker import TickApp

SECOND = 1_000
KEYS, SECONDS, BATCH = 200, 60, 4_000


def test_what_waits_does_not_grow_while_records_come_fast(
    application: TickApp, drive: Drive
) -> None:
    """Each publication says as many windows as records came since the last, and some more."""
    table = declared(
        application, Definition("10s/event~1s", 0, 3_600 * SECOND, emission=on_close())
    )
    ticks = [
        Tick(f"S{key}", 1.0, NOON + second * SECOND)
        for second in range(SECONDS)
        for key in range(KEYS)
    ]
    with drive(table, [raw_tick(number, tick) for number, tick in enumerate(ticks)]) as driver:
        while driver.folded < len(ticks):
            driver.fold(BATCH)
            driver.checkpoint()
            # All that is final, which the windows of the last second are not.
            assert len(told(driver)) == driver.folded - KEYS
            assert not driver.state.behind


def test_a_fold_goes_on_from_one_publication_to_the_next(
    application: TickApp, drive: Drive
) -> None:
    """Through a crash too, and whichever panes had been folded: each window has its events."""
    table = declared(
        application, Definition("10s/event~1s", 0, 3_600 * SECOND, emission=on_close())
    )
    ticks = [Tick("A", 1.0, NOON + number * 1_700) for number in range(60)]
    with drive(table, [raw_tick(number, tick) for number, tick in enumerate(ticks)]) as driver:
        while driver.folded < len(ticks):
            driver.fold(7)
            driver.checkpoint()
            if driver.folded in {21, 42}:
                driver.crash("lost")
        ends = [tick.time // SECOND * SECOND + SECOND for tick in ticks]
        assert [(window.end, window.count) for window in told(driver)] == [
            (end, sum(end - 10 * SECOND <= tick.time < end for tick in ticks)) for end in ends[:-1]
        ]
