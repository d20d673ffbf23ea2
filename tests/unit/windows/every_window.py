"""Window definitions to draw, and all their windows, listed one by one."""

from array import array
from itertools import count, takewhile

from hypothesis import strategies as st

from eventfold.windows import (
    Cumulate,
    Exchange,
    Sliding,
    Span,
    Window,
    WindowDefinition,
    cumulate,
    hopping,
    sliding,
    tumbling,
)

#: Queries stay below the first; windows are listed up to the second.
TIMES, LISTED_UNTIL = 600, 1_200

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
def cumulative(draw: st.DrawFn) -> Cumulate:
    """Draw steps of tumbling windows, or of sessions."""
    if draw(st.booleans()):
        return cumulate(draw(exchanges()), draw(st.integers(1, 70)))
    step = draw(st.integers(1, 20))
    size = step * draw(st.integers(2, 12))
    return cumulate(tumbling(size, draw(st.integers(0, size - 1))), step)


#: All but sliding ones, which stand alone in a table.
BOUNDED = WINDOWS | exchanges() | cumulative()


def every_window(definition: WindowDefinition, events: list[int]) -> list[Span]:
    """Return all windows of a definition that start before `LISTED_UNTIL`."""
    if isinstance(definition, Window):
        starts = range(definition.offset, LISTED_UNTIL, definition.advance)
        return [Span(start, start + definition.size) for start in starts]
    if isinstance(definition, Sliding):
        stops = (event + definition.resolution for event in events)
        return [Span(stop - definition.size, stop) for stop in stops]
    if isinstance(definition, Cumulate):
        return [
            window
            for base in every_window(definition.base, [])
            for window in _cumulative_spans(base, definition.step)
        ]
    assert isinstance(definition, Exchange)
    return [Span(*each) for each in zip(definition.opens, definition.closes, strict=True)]


def _cumulative_spans(base: Span, step: int) -> list[Span]:
    grown = takewhile(lambda end: end < base.end, (base.start + k * step for k in count(1)))
    return [*(Span(base.start, end) for end in grown), base]


def boundaries(windows: list[Span]) -> list[int]:
    """Return every instant at which one begins or ends, and the epoch."""
    return sorted({0, *(w.start for w in windows), *(w.end for w in windows)})


def covers(definition: WindowDefinition, time: int) -> bool:
    """Return whether the years of a definition include an instant: calendars end somewhere."""
    if isinstance(definition, Cumulate):
        return covers(definition.base, time)
    return (
        not isinstance(definition, Exchange) or definition.opens[0] <= time < definition.closes[-1]
    )
