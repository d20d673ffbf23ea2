"""Windows that slide with each event, where there are as many of them as events."""

from collections.abc import Iterator, Sequence

import pytest
from candle_truth import Event, truth
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive
from plans import PLANS, Step, edges, follow
from raw_records import NOON, Raw, raw_tick
from trails import (
    EMISSIONS,
    Definition,
    Seen,
    answers,
    assert_refused,
    declared,
    said_of,
    told,
)

from app.market.records import Tick
from app.worker import TickApp
from eventfold.engine import pane_publishing, portion
from eventfold.windows import on_close

SECOND = 1_000
GRACE = 3 * SECOND
KEYS, SECONDS, BATCH = 200, 60, 4_000


def windows(kept: Sequence[Event], size: int, final_until: int) -> Iterator[Seen]:
    """Return the windows of events, by looking at all of them again for each."""
    for symbol, end in sorted(
        {(e.tick.symbol, e.tick.time - e.tick.time % SECOND + SECOND) for e in kept}
    ):
        inside = [e for e in kept if e.tick.symbol == symbol and end - size <= e.tick.time < end]
        offsets = [e.offset for e in inside]
        final = end <= final_until
        yield Seen(
            symbol,
            end - size,
            end,
            sorted((e.tick.time, e.offset, e.tick.size) for e in inside),
            len(inside),
            min(offsets),
            max(offsets),
            sum(e.before >= end for e in inside),
            final,
            2 * max(offsets) + final,
        )


@st.composite
def near_ticks(draw: st.DrawFn) -> list[Raw]:
    """Return ticks of two symbols within seconds of each other, most at the edge of one.

    They are behind by anything near the grace, some by a millisecond more.
    """
    onward = st.sampled_from([0, 1, 400, 400, 999, SECOND, 2_500, 2_500, 9_999, 30_000])
    behind = st.just(0) | edges(1, SECOND, GRACE) | st.integers(GRACE - SECOND, GRACE)
    raw, clock = [], NOON
    length = draw(st.integers(8, 30))
    fields = st.tuples(st.sampled_from("AAB"), onward, behind)
    for number, (symbol, step, lag) in enumerate(
        draw(st.lists(fields, min_size=length, max_size=length))
    ):
        clock += 0 if lag else step
        raw.append(raw_tick(number, Tick(symbol, 1.0, clock - lag, 1 + number % 3)))
    return raw


#: Longer than the grace, and shorter; most keep their folds.
DEFINITIONS = [
    Definition(f"{size}/event~1s", GRACE, 3_600 * SECOND, emission)
    for size in ("10s", "2s")
    for emission in (on_close(), *EMISSIONS)
]

#: Often published, and sometimes crashed.
PUBLICATIONS = st.lists(
    st.builds(
        Step, st.integers(1, 3), st.just(0), st.sampled_from(["publication"] * 4 + ["crash"])
    ),
    min_size=6,
    max_size=12,
)


@settings(max_examples=80)
@given(
    near_ticks(),
    PUBLICATIONS | PLANS,
    st.tuples(st.sampled_from(DEFINITIONS), st.sampled_from([1, 3, portion.RESULTS])),
)
def test_each_window_is_what_came_before_its_event(
    application: TickApp,
    drive: Drive,
    raw: list[Raw],
    plan: list[Step],
    kind: tuple[Definition, int],
) -> None:
    """Final once and with every event, those of its last second included, in any portions."""
    definition, results = kind
    table = declared(application, definition)
    with pytest.MonkeyPatch.context() as patch, drive(table, raw) as driver:
        patch.setattr(portion, "RESULTS", results)
        for step in plan:
            follow(driver, step)
            facts = truth(raw[: driver.folded], GRACE)
            right = list(windows(facts.kept, table.longest, driver.state.meta.finalised))
            assert answers(driver, "A") == [each for each in right if each.symbol == "A"]
        driver.settle()
        facts = truth(raw, GRACE)
        right = list(windows(facts.kept, table.longest, facts.stream_time - GRACE))
        said = said_of(told(driver), "end")
        assert [said[each.symbol, each.end][-1] for each in right if each.final] == [
            each for each in right if each.final
        ]
        assert_refused(driver, facts)


def test_a_window_has_the_event_that_comes_into_the_second_that_stream_time_is_in(
    application: TickApp, drive: Drive
) -> None:
    """Less the grace, it is in the middle of a second when windows before it are published.

    Their fold is kept for the next ones, and must not have passed that second yet.
    """
    table = declared(
        application, Definition("10s/event~1s", GRACE, 3_600 * SECOND, emission=on_close())
    )
    after = [0, 8_400, 5_600, 5_900, 8_900, 30_000]
    raw = [raw_tick(n, Tick("A", 1.0, NOON + ms)) for n, ms in enumerate(after)]
    with drive(table, raw) as driver:
        driver.fold(2)
        driver.checkpoint()
        assert [window.count for window in told(driver)] == [1]
        driver.settle()
        finals = {(window.end - NOON) // SECOND: window.count for window in told(driver)}
    assert finals == {1: 1, 6: 3, 9: 5}


def test_what_waits_does_not_grow_while_records_come_fast(
    application: TickApp, drive: Drive
) -> None:
    """Each publication has as many windows as records came since the last, and some more."""
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


def test_windows_that_become_final_at_once_are_published_by_portions(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a leap in time: as many as fit, and one for each record that came since."""
    monkeypatch.setattr(pane_publishing, "SLICE", 4)
    table = declared(
        application, Definition("10s/event~1s", 60 * SECOND, 3_600 * SECOND, emission=on_close())
    )
    seconds = [*range(20), 600]
    raw = [raw_tick(n, Tick("A", 1.0, NOON + each * SECOND)) for n, each in enumerate(seconds)]
    with drive(table, raw) as driver:
        driver.fold(20)
        driver.checkpoint()
        assert told(driver) == []
        driver.fold_rest()
        found = [0]
        while sum(found) < 20:
            driver.checkpoint()
            found.append(len(told(driver)) - sum(found))
            assert driver.state.behind is (sum(found) < 20)
    assert max(found) == 5
