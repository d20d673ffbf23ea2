"""Events and aggregates for the tests of the laws, and the content of states to compare."""

from collections.abc import Iterable, Sequence
from functools import reduce
from random import Random
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from eventfold.aggregates import (
    Aggregate,
    Count,
    Distinct,
    First,
    Last,
    Max,
    Mean,
    Min,
    Ohlc,
    Quantiles,
    Several,
    Sum,
    TopK,
    Variance,
    Vwap,
    value_of,
)
from eventfold.engine.rows import RowDecoder, encode_row


class Event(Struct):
    """A record with its coordinates."""

    time: int
    offset: int
    #: Any number, or none.
    number: float | None = None
    #: A whole number.
    whole: int = 0
    word: str | None = None
    price: float = 1.0
    size: int = 1


class Longest(Struct, array_like=True):
    """The longest word's length."""

    length: int = 0


class LongestWord:
    """A custom aggregate without a field, a value or a layout."""

    state, version = Longest, 7

    def zero(self) -> Longest:
        """Return the state of no event."""
        return Longest()

    def add(self, state: Longest, event: Event, _time: int, _offset: int) -> None:
        """Fold one event in. Raises TypeError where it has no word."""
        state.length = max(state.length, len(event.word))

    def merge(self, left: Longest, right: Longest) -> Longest:
        """Return the longest of both."""
        return Longest(max(left.length, right.length))


def word_or_none(event: Event) -> str:
    """Return the word of an event, `none` if there is none."""
    return event.word or "none"


#: Every aggregate, over fields of every kind.
EVERY: list[Aggregate[Any, Any]] = [
    Count(),
    Count("word"),
    Sum("number"),
    Sum("whole"),
    Mean("number"),
    Variance("number"),
    Vwap("number", "size"),
    Min("number"),
    Max("whole"),
    First("word"),
    Last("number"),
    TopK(3, "number"),
    TopK(4, "word", by="whole"),
    Distinct("word"),
    Distinct("number", error=0.1),
    Quantiles("price"),
    Several(mean=Mean("number"), words=Distinct("word"), first=First("whole"), n=Count()),
]

SIXTY_FOUR_BITS = st.integers(-(1 << 63), (1 << 63) - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = FINITE | SIXTY_FOUR_BITS | st.sampled_from([0.1, -0.1, 1e16, -1e16, 1.0, 0, -0.0, 1e308])


@st.composite
def events(draw: st.DrawFn, max_size: int = 12) -> list[Event]:
    """Draw events with offsets of their own, many of them at the same time."""
    fields = st.builds(
        Event,
        time=st.integers(0, 3),
        offset=st.just(0),
        number=st.none() | NUMBERS,
        whole=SIXTY_FOUR_BITS | st.integers(0, 3),
        word=st.none() | st.text(max_size=3) | st.sampled_from(["a", "b"]),
        price=st.floats(-1e6, 1e6),
        size=st.integers(0, 1000),
    )
    drawn = draw(st.lists(fields, max_size=max_size))
    for offset, event in enumerate(drawn):
        event.offset = offset
    return drawn


def folded(aggregate: Aggregate[Any, Any], some: Iterable[Any]) -> Any:
    """Fold events in the order given."""
    state = aggregate.zero()
    for event in some:
        aggregate.add(state, event, event.time, event.offset)
    return state


def value(aggregate: Aggregate[Any, Any], some: Iterable[Any]) -> Any:
    """Compute the value of events."""
    return value_of(aggregate, folded(aggregate, some))


def events_with(numbers: Iterable[Any], name: str = "number") -> list[Event]:
    """Return events, one after another, with these numbers in a field."""
    return [Event(at, at, **{name: number}) for at, number in enumerate(numbers)]


def merged_at_random(aggregate: Aggregate[Any, Any], states: Sequence[Any], random: Random) -> Any:
    """Merge two of the states that are left, until it is one: any order, any grouping."""
    states = list(states)
    while len(states) > 1:
        right = states.pop(random.randrange(len(states)))
        left = states.pop(random.randrange(len(states)))
        states.append(aggregate.merge(left, right))
    return states[0]


def merged_in_order(aggregate: Aggregate[Any, Any], states: Sequence[Any]) -> Any:
    """Merge states one after another."""
    return reduce(aggregate.merge, states)


def row(aggregate: Aggregate[Any, Any], state: Any) -> bytes:
    """Encode a state as a row."""
    return encode_row(aggregate.version, state)


def restored(aggregate: Aggregate[Any, Any], state: Any) -> Any:
    """Encode a state as a row and decode it again."""
    read = RowDecoder("table", aggregate.version, [aggregate.state])
    return read(b"row", row(aggregate, state))[0]


def content(aggregate: Aggregate[Any, Any], state: Any) -> Any:
    """Return the part that must be equal in two states of the same events.

    That is the whole state; for `Ohlc` and for sketches of sets, which remember the order they grew
    in, it is the value.
    """
    exact = "registers" not in getattr(aggregate, "layout", "")
    return state if exact and not isinstance(aggregate, Ohlc) else value_of(aggregate, state)
