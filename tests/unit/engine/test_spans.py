"""Windows that hold some of a key's panes, compared with a search of all windows."""

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.engine.pane_results import spans_of
from eventfold.windows import Exchange, Sliding, WindowDefinition, cumulate, parse_window

#: Sessions from 10 to 20, 20 to 25, 40 to 60.
SESSIONS = Exchange(
    "TEST", array("q", [10, 20, 40]), array("q", [20, 25, 60]), array("q", [1, 2, 3]), 20
)
DEFINITIONS: list[WindowDefinition] = [
    *map(parse_window, ["7ms", "9ms/3ms", "10ms/4ms+1ms", "12ms/event~3ms", "cumulate 12ms 4ms"]),
    SESSIONS,
    cumulate(SESSIONS, 3),
]


def windows_of(
    definition: WindowDefinition,
    panes: Sequence[int],
    starts: Sequence[int],
    after: int,
    until: int,
) -> list[tuple[int, int]]:
    """Search all windows for those that hold one of `panes` and end in (after, until]."""
    every = definition.over(0, 200, -1, starts)
    return [
        (start, end)
        for start, end in every
        if after < end <= until and any(start <= pane < end for pane in panes)
    ]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=str)
@given(st.data())
def test_spans_of_some_panes_are_the_windows_that_hold_one_of_them(
    definition: WindowDefinition, data: st.DataObject
) -> None:
    """Each once, ascending, to the millisecond; panes may be apart or in no window."""
    starts = sorted(data.draw(st.sets(st.integers(0, 70), max_size=12)))
    if isinstance(definition, Sliding):
        starts = sorted({start - start % definition.resolution for start in starts})
    panes = [start for start in starts if data.draw(st.booleans())]
    edges = sorted(
        {0, *(end + by for _, end in definition.over(0, 80, -1, starts) for by in (-1, 0))}
    )
    after, until = data.draw(st.sampled_from(edges)), data.draw(st.sampled_from(edges))
    found = list(spans_of(definition, panes, starts, after, until))
    assert found == windows_of(definition, panes, starts, after, until)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=str)
@pytest.mark.parametrize("until", [None, 40])
def test_spans_of_all_panes_are_the_windows_that_hold_a_record(
    definition: WindowDefinition, until: int | None
) -> None:
    """From a pane at the start of a window to one a millisecond before its end."""
    starts = [0, 9, 12, 18, 21, 24, 39, 42, 57]
    limit = () if until is None else (until,)
    found = list(spans_of(definition, starts, starts, 0, *limit))
    assert found == windows_of(definition, starts, starts, 0, until or 1 << 60)
