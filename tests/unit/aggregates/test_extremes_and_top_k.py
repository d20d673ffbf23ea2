"""Aggregates that pick values: Min, Max, First, Last and TopK."""

from typing import Any

import pytest
from aggregate_laws import NUMBERS, Event, events, events_with, folded, value
from hypothesis import given
from hypothesis import strategies as st

from eventfold.aggregates import First, Last, Max, Min, TopK
from eventfold.windows.errors import DefinitionError


@given(st.lists(NUMBERS))
def test_min_and_max_equal_those_of_python(numbers: list[float]) -> None:
    """Ints and floats are compared exactly; without values the result is None."""
    some = events_with(numbers)
    assert value(Min("number"), some) == min(numbers, default=None)
    assert value(Max("number"), some) == max(numbers, default=None)


@given(events(20))
def test_first_and_last_are_by_time_then_offset(some: list[Event]) -> None:
    """Of the records that have the field, in whatever order they came."""
    values = sorted((e.time, e.offset, e.word) for e in some if e.word is not None)
    assert value(First("word"), some) == (values[0][2] if values else None)
    assert value(Last("word"), some) == (values[-1][2] if values else None)


@pytest.mark.parametrize("item", [True, False, 0, -(1 << 63), 2.5, "", "Ä\0"], ids=repr)
def test_first_and_last_keep_the_value_and_its_type(item: Any) -> None:
    """False and the empty text count as values."""
    for kept in (
        value(First("word"), [Event(0, 0, word=item)]),
        value(Last("word"), [Event(0, 0, word=item)]),
    ):
        assert kept == item
        assert type(kept) is type(item)


@given(events(20), st.integers(1, 8))
def test_top_k_is_the_head_of_all_values_sorted(some: list[Event], k: int) -> None:
    """Ties by (time, offset): the earlier first."""
    values = sorted((-e.number, e.time, e.offset, e.number) for e in some if e.number is not None)
    assert value(TopK(k, "number"), some) == [number for *_, number in values[:k]]


@given(events(20), st.integers(1, 8))
def test_top_k_by_another_field_returns_pairs(some: list[Event], k: int) -> None:
    """Of the value and the field that ranks it."""
    values = sorted((-e.whole, e.time, e.offset, e) for e in some if e.word is not None)
    expected = [(event.word, event.whole) for *_, event in values[:k]]
    assert value(TopK(k, "word", by="whole"), some) == expected


def test_top_k_keeps_no_more_than_k_values() -> None:
    """A row doesn't grow with the records."""
    state = folded(TopK(5, "number"), events_with(float(at % 100) for at in range(1000)))
    assert [(top.by, top.time) for top in state.tops] == [(99.0, 99 + 100 * at) for at in range(5)]


@pytest.mark.parametrize("k", [1, 1000])
def test_smallest_and_largest_k_are_accepted(k: int) -> None:
    """As many values are kept; of equal ones the earliest."""
    some = events_with([1.0] * (k + 1))
    state = folded(TopK(k, "number"), reversed(some))
    assert [top.time for top in state.tops] == list(range(k))


@pytest.mark.parametrize("k", [0, -1, 1001, 2.0, True, "3", None])
def test_an_invalid_k_is_rejected(k: Any) -> None:
    """In one line."""
    with pytest.raises(DefinitionError) as caught:
        TopK(k, "number")
    assert str(caught.value) == f"TopK: k is a whole number from 1 to 1,000, not {k!r}"
