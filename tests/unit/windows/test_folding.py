"""Panes folded into windows, compared with folding each window by itself."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventfold.windows import Evidence, Folded, Pane, Span, Window, WindowFold, fold_windows
from eventfold.windows.folding import FEW_AT_ONCE


def join(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """Merge states that remember each of their records, in order."""
    return left + right


class CountingMerge:
    """A merge that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
        """Join both, and count the call."""
        self.calls += 1
        return left + right


@st.composite
def panes_and_windows(draw: st.DrawFn) -> tuple[list[Pane], list[Span]]:
    """Draw panes of one key with gaps between them, and some of the windows over them."""
    length = draw(st.integers(1, 3))
    advance = length * draw(st.integers(1, 6))
    window = Window(max(advance, length * draw(st.integers(1, 40))), advance)
    gaps = draw(st.lists(st.integers(1, 8) | st.just(100), max_size=25))
    panes = []
    number = draw(st.integers(0, 30))
    for index, gap in enumerate(gaps):
        start = number * length
        behind = st.integers(1, 60).map(lambda k, start=start: start + k * length)
        corrections = draw(st.none() | st.dictionaries(behind, st.integers(1, 3), max_size=3))
        pane = Pane(b"k", start, (index,), index % 3 + 1, 10 * index, 10 * index + 7, corrections)
        panes.append(pane)
        number += gap
    every = window.starts_over(0, (number + 1) * length)
    chosen = draw(st.just(None) | st.sets(st.integers(0, max(len(every) - 1, 0))))
    if draw(st.booleans()):
        # Like those of `Cumulate`: several with one start, each longer than the one before.
        parts = [window.size // n // length * length or length for n in (3, 2, 1)]
        every = range(0, (number + 1) * length, window.size)
        spans = [Span(start, start + part) for start in every for part in dict.fromkeys(parts)]
    else:
        spans = [Span(start, start + window.size) for start in every]
    return panes, [span for n, span in enumerate(spans) if chosen is None or n in chosen]


def fold_each_window(panes: Sequence[Pane], spans: Sequence[Span]) -> list[Folded]:
    """Search all panes for each window."""
    windows = []
    for start, end in spans:
        inside = [pane for pane in panes if start <= pane.start < end]
        if not inside:
            continue
        late = sum(
            records
            for pane in inside
            for reached, records in (pane.corrections or {}).items()
            if reached >= end
        )
        evidence = Evidence(
            sum(pane.count for pane in inside),
            min(pane.first_offset for pane in inside),
            max(pane.last_offset for pane in inside),
            late,
        )
        windows.append(Folded(Span(start, end), sum((pane.state for pane in inside), ()), evidence))
    return windows


@settings(max_examples=200)
@given(panes_and_windows())
def test_folded_windows_equal_folding_each_window_by_itself(
    table: tuple[list[Pane], list[Span]],
) -> None:
    """State (in the panes' order), counts, offsets and corrections; empty windows are left out."""
    panes, spans = table
    assert list(fold_windows(panes, spans, join)) == fold_each_window(panes, spans)


@given(panes_and_windows())
def test_merging_runs_of_states_gives_the_same_windows(
    table: tuple[list[Pane], list[Span]],
) -> None:
    """For an aggregate that can merge many states, in the order of their panes."""
    panes, spans = table

    def join_runs(states: Sequence[Any], runs: Sequence[tuple[int, int]]) -> list[Any]:
        return [tuple(sum(states[first:stop], ())) for first, stop in runs]

    assert list(fold_windows(panes, spans, join, join_runs)) == fold_each_window(panes, spans)


@given(panes_and_windows(), st.lists(st.integers(0, 200), max_size=5))
def test_incremental_fold_equals_one_fold_of_all_panes(
    table: tuple[list[Pane], list[Span]], cuts: list[int]
) -> None:
    """Panes and windows may come in portions: each pane before the windows that end after it."""
    panes, spans = table
    fold, found, before = WindowFold(join), [], 0
    for end in [*sorted(cuts), 1 << 40]:
        fold.add([pane for pane in panes if before <= pane.start < end], end)
        found += fold.windows(span for span in spans if before < span.end <= end)
        before = end
    assert found == fold_each_window(panes, spans)


@given(panes_and_windows())
def test_fold_takes_at_most_two_merges_a_pane_and_one_a_window(
    table: tuple[list[Pane], list[Span]],
) -> None:
    """However many panes a window has, and however many windows a pane lies in."""
    panes, spans = table
    merge = CountingMerge()
    windows = list(fold_windows(panes, spans, merge))
    assert merge.calls <= 2 * len(panes) + len(windows)


@pytest.mark.parametrize("overlap", [1, 2, 10, 60, 300, 900])
def test_merges_a_pane_do_not_grow_with_size_over_advance(overlap: int) -> None:
    """At most three a pane, where each window has one pane more than the one before it."""
    panes = [Pane(b"k", start, (start,), 1, start, start) for start in range(1_000)]
    merge = CountingMerge()
    windows = list(fold_windows(panes, [Span(n, n + overlap) for n in range(1_000)], merge))
    assert len(windows) == 1_000
    assert merge.calls <= 3 * len(panes)


@pytest.mark.parametrize(
    ("panes", "at_once", "merges"),
    [(1, 0, 0), (2, 1, 1), (FEW_AT_ONCE, 1, None), (FEW_AT_ONCE + 1, 0, None)],
)
def test_states_of_windows_with_few_panes_are_merged_in_one_call(
    panes: int, at_once: int, merges: int | None
) -> None:
    """Windows of one pane have nothing to merge, and those of many panes use a queue.

    Without such a call, windows of two panes cost one merge each: a queue takes more.
    """
    some = [Pane(b"k", start, (start,), 1, start, start) for start in range(3 * panes)]
    spans = [Span(n, n + panes) for n in range(2 * panes)]
    calls = 0

    def join_runs(states: Sequence[Any], runs: Sequence[tuple[int, int]]) -> list[Any]:
        nonlocal calls
        calls += 1
        return [tuple(sum(states[first:stop], ())) for first, stop in runs]

    assert list(fold_windows(some, spans, join, join_runs)) == fold_each_window(some, spans)
    assert calls == at_once
    merge = CountingMerge()
    assert list(fold_windows(some, spans, merge)) == fold_each_window(some, spans)
    if merges is not None:
        assert merge.calls == merges * len(spans)


def test_folding_does_not_change_the_panes() -> None:
    """They are folded again with the next change."""
    panes = [Pane(b"k", n, (n,), 1, n, n, {n + 2: 1}) for n in range(10)]
    before = deepcopy(panes)
    twice = [list(fold_windows(panes, [Span(n, n + 4) for n in range(10)], join)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert panes == before


def test_correction_counts_as_late_in_windows_that_had_ended() -> None:
    """A record at 12 when stream time had reached 30: late for [10, 20), not for [0, 40)."""
    pane = Pane(b"k", 10, (1,), 2, 5, 9)
    pane.correct(30)
    pane.correct(30)
    late = {
        size: [
            w.evidence.late
            for w in fold_windows([pane], [Span(0, size), Span(10, 10 + size)], join)
        ]
        for size in (10, 20, 30, 40)
    }
    assert late == {10: [2], 20: [2, 2], 30: [2, 0], 40: [0, 0]}
