"""Random ticks that come close together and out of order, so that sessions meet and merge."""

from hypothesis import strategies as st
from plans import MINUTE
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick

#: How far a tick moves stream time (ms), rarely beyond any gap and grace.
_ONWARD = st.sampled_from([0, 0, 1, 10_000, 30_000, 59_999, 60_000, 61_000, 90_000, 20 * MINUTE])

#: How far a tick is behind stream time (ms): about as far as the gaps and some graces.
_BEHIND = st.sampled_from([0, 0, 1, 30_000, 59_999, 60_000, 90_000]) | st.integers(0, 60).map(
    lambda tens: tens * 10_000
)


@st.composite
def close_ticks(draw: st.DrawFn) -> list[Raw]:
    """Draw ticks of two symbols, nearly all of one."""
    fields = st.tuples(st.sampled_from("AAAAAB"), _ONWARD, _BEHIND)
    length = draw(st.integers(0, 40))
    raw, clock = [], NOON
    for offset, (symbol, onward, behind) in enumerate(
        draw(st.lists(fields, min_size=length, max_size=length))
    ):
        clock += onward
        raw.append(raw_tick(offset, Tick(symbol, 1.0, clock - behind, offset % 10)))
    return raw
