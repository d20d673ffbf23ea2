"""Sliding windows: each event ends one."""

from collections.abc import Iterator, Sequence

import pytest
from candle_truth import Event, truth
from collected_events import (
    EMIT_STRATEGIES,
    Definition,
    WindowRecord,
    answers,
    assert_late_and_dead_letters,
    declare_table,
    group_results,
    published,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive
from plans import PLANS, Step, edges, run_step
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick
from app.worker import TickApp
from eventfold.engine import pane_windows, portion
from eventfold.windows import on_close

SECOND = 1_000
GRACE = 3 * SECOND
KEYS, SECONDS, BATCH = 200, 60, 4_000


def windows(kept: Sequence[Event], size: int, final_until: int) -> Iterator[WindowRecord]:
    """Compute the windows of events by brute force, from all events for each."""
    for symbol, end in sorted(
        {(e.tick.symbol, e.tick.time - e.tick.time % SECOND + SECOND) for e in kept}
    ):
        inside = [e for e in kept if e.tick.symbol == symbol and end - size <= e.tick.time < end]
        offsets = [e.offset for e in inside]
        final = end <= final_until
        yield WindowRecord(
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
    """Draw ticks of two symbols within seconds of each other, most at the edge of one.

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


#: Sizes longer and shorter than the grace; most aggregate incrementally.
DEFINITIONS = [
    Definition(f"{size}/event~1s", GRACE, 3_600 * SECOND, emit)
    for size in ("10s", "2s")
    for emit in (on_close(), *EMIT_STRATEGIES)
]

#: Plans with many publications, and some crashes.
PUBLICATIONS = st.lists(
    st.builds(
        Step,
        st.integers(1, 3),
        st.just(0),
        st.sampled_from(["publication"] * 4 + ["crash"]),
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
def test_each_sliding_window_holds_the_events_up_to_its_end(
    application: TickApp,
    drive: Drive,
    raw: list[Raw],
    plan: list[Step],
    kind: tuple[Definition, int],
) -> None:
    """Final once and with every event, those of its last second included, in any portions."""
    definition, results = kind
    table = declare_table(application, definition)
    with pytest.MonkeyPatch.context() as patch, drive(table, raw) as driver:
        patch.setattr(portion, "RESULTS", results)
        for step in plan:
            run_step(driver, step)
            facts = truth(raw[: driver.folded], GRACE)
            expected = list(
                windows(facts.kept, table.strategy.longest, driver.state.meta.finalised)
            )
            assert answers(driver, "A") == [each for each in expected if each.symbol == "A"]
        driver.settle()
        facts = truth(raw, GRACE)
        expected = list(windows(facts.kept, table.strategy.longest, facts.stream_time - GRACE))
        results_by_end = group_results(published(driver), "end")
        assert [results_by_end[each.symbol, each.end][-1] for each in expected if each.final] == [
            each for each in expected if each.final
        ]
        assert_late_and_dead_letters(driver, facts)


def test_an_event_in_the_second_of_the_watermark_is_in_its_window(
    application: TickApp, drive: Drive
) -> None:
    """The watermark is in the middle of a second when windows before it are published.

    Their incremental aggregation must not have passed that second yet.
    """
    table = declare_table(
        application, Definition("10s/event~1s", GRACE, 3_600 * SECOND, emit=on_close())
    )
    after = [0, 8_400, 5_600, 5_900, 8_900, 30_000]
    raw = [raw_tick(n, Tick("A", 1.0, NOON + ms)) for n, ms in enumerate(after)]
    with drive(table, raw) as driver:
        driver.fold(2)
        driver.checkpoint()
        assert [window.count for window in published(driver)] == [1]
        driver.settle()
        finals = {(window.end - NOON) // SECOND: window.count for window in published(driver)}
    assert finals == {1: 1, 6: 3, 9: 5}


def test_final_windows_do_not_pile_up_under_load(application: TickApp, drive: Drive) -> None:
    """Each publication has as many windows as records came since the last, and some more."""
    table = declare_table(
        application, Definition("10s/event~1s", 0, 3_600 * SECOND, emit=on_close())
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
            # All final windows; those of the last second are still open.
            assert len(published(driver)) == driver.folded - KEYS
            assert not driver.state.behind


def test_incremental_aggregation_continues_across_publications(
    application: TickApp, drive: Drive
) -> None:
    """Also after a crash, whichever panes had been folded: each window has its events."""
    table = declare_table(
        application, Definition("10s/event~1s", 0, 3_600 * SECOND, emit=on_close())
    )
    ticks = [Tick("A", 1.0, NOON + number * 1_700) for number in range(60)]
    with drive(table, [raw_tick(number, tick) for number, tick in enumerate(ticks)]) as driver:
        while driver.folded < len(ticks):
            driver.fold(7)
            driver.checkpoint()
            if driver.folded in {21, 42}:
                driver.crash("lost")
        ends = [tick.time // SECOND * SECOND + SECOND for tick in ticks]
        assert [(window.end, window.count) for window in published(driver)] == [
            (end, sum(end - 10 * SECOND <= tick.time < end for tick in ticks)) for end in ends[:-1]
        ]


def test_windows_that_become_final_together_are_published_in_portions(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a leap in time: as many as fit, and one for each record that came since."""
    monkeypatch.setattr(pane_windows, "SLICE", 4)
    table = declare_table(
        application, Definition("10s/event~1s", 60 * SECOND, 3_600 * SECOND, emit=on_close())
    )
    seconds = [*range(20), 600]
    raw = [raw_tick(n, Tick("A", 1.0, NOON + each * SECOND)) for n, each in enumerate(seconds)]
    with drive(table, raw) as driver:
        driver.fold(20)
        driver.checkpoint()
        assert published(driver) == []
        driver.fold_rest()
        found = [0]
        while sum(found) < 20:
            driver.checkpoint()
            found.append(len(published(driver)) - sum(found))
            assert driver.state.behind is (sum(found) < 20)
    assert max(found) == 5
