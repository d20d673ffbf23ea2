"""Families to draw, and all their windows, written down one by one."""

from array import array
from itertools import count, takewhile

from hypothesis import strategies as st

from eventfold.windows import (
    Cumulate,
    Exchange,
    Sliding,
    Span,
    Window,
    WindowFamily,
    cumulate,
    hopping,
    sliding,
    tumbling,
)

#: Queries stay below the first; windows are written down up to the second.
TIMES, HORIZON = 600, 1_200

#: Sizes and advances with and without common divisors.
WINDOWS = st.builds(
    lambda advance, more, offset: hopping(advance + more, advance, offset % advance),
    st.integers(1, 40),
    st.integers(0, 200),
    st.just(0) | st.integers(0, 39),
)
SLIDING = st.builds(
    lambda resolution, many: sliding(resolution * many, resolution),
    st.integers(1, 5),
    st.integers(1, 60),
)


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """Draw sessions and gaps of a few ms each, from near the epoch to beyond all queries."""
    lengths = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 60)), min_size=15))
    opens, closes = [], []
    now = 0
    for gap, length in [*lengths, (TIMES, 1)]:
        opens.append(now + gap)
        now = opens[-1] + length
        closes.append(now)
    longest = max(c - o for o, c in zip(opens, closes, strict=True))
    days = range(719_163, 719_163 + len(opens))
    return Exchange("TEST", array("q", opens), array("q", closes), array("q", days), longest)


@st.composite
def cumulated(draw: st.DrawFn) -> Cumulate:
    """Draw steps of tumbling windows, or of sessions."""
    if draw(st.booleans()):
        return cumulate(draw(exchanges()), draw(st.integers(1, 70)))
    step = draw(st.integers(1, 20))
    size = step * draw(st.integers(2, 12))
    return cumulate(tumbling(size, draw(st.integers(0, size - 1))), step)


#: All but sliding ones, which stand alone in a table.
BOUNDED = WINDOWS | exchanges() | cumulated()


def every_window(family: WindowFamily, events: list[int]) -> list[Span]:
    """Return all windows of a family that start before `HORIZON`."""
    if isinstance(family, Window):
        starts = range(family.offset, HORIZON, family.advance)
        return [Span(start, start + family.size) for start in starts]
    if isinstance(family, Sliding):
        stops = (event + family.resolution for event in events)
        return [Span(stop - family.size, stop) for stop in stops]
    if isinstance(family, Cumulate):
        return [
            window for base in every_window(family.base, []) for window in _grown(base, family.step)
        ]
    assert isinstance(family, Exchange)
    return [Span(*each) for each in zip(family.opens, family.closes, strict=True)]


def _grown(base: Span, step: int) -> list[Span]:
    grown = takewhile(lambda end: end < base.end, (base.start + k * step for k in count(1)))
    return [*(Span(base.start, end) for end in grown), base]


def boundaries(windows: list[Span]) -> list[int]:
    """Return every instant at which one begins or ends, and the epoch."""
    return sorted({0, *(w.start for w in windows), *(w.end for w in windows)})


def known(family: WindowFamily, time: int) -> bool:
    """Return whether a family covers an instant: calendars end somewhere."""
    if isinstance(family, Cumulate):
        return known(family.base, time)
    return not isinstance(family, Exchange) or family.opens[0] <= time < family.closes[-1]
