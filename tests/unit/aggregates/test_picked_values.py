"""Least, greatest, first, last, and the k greatest."""

from typing import Any

import pytest
from aggregate_laws import NUMBERS, Event, events, folded, numbered, value
from hypothesis import given
from hypothesis import strategies as st

from eventfold.aggregates import First, Last, Max, Min, TopK
from eventfold.windows.errors import DefinitionError


@given(st.lists(NUMBERS))
def test_least_and_greatest_are_python_s(numbers: list[float]) -> None:
    """Ints and floats are compared exactly; nothing has none."""
    some = numbered(numbers)
    assert value(Min("number"), some) == min(numbers, default=None)
    assert value(Max("number"), some) == max(numbers, default=None)


@given(events(20))
def test_first_and_last_are_by_time_then_offset(some: list[Event]) -> None:
    """Of the records that have the field, in whatever order they came."""
    having = sorted((e.time, e.offset, e.word) for e in some if e.word is not None)
    assert value(First("word"), some) == (having[0][2] if having else None)
    assert value(Last("word"), some) == (having[-1][2] if having else None)


@pytest.mark.parametrize("item", [True, False, 0, -(1 << 63), 2.5, "", "Ä\0"], ids=repr)
def test_first_and_last_keep_what_they_got(item: Any) -> None:
    """False and the empty text are values too."""
    for kept in (
        value(First("word"), [Event(0, 0, word=item)]),
        value(Last("word"), [Event(0, 0, word=item)]),
    ):
        assert kept == item
        assert type(kept) is type(item)


@given(events(20), st.integers(1, 8))
def test_the_greatest_are_the_head_of_all_sorted(some: list[Event], k: int) -> None:
    """Ties by (time, offset): the earlier first."""
    having = sorted((-e.number, e.time, e.offset, e.number) for e in some if e.number is not None)
    assert value(TopK(k, "number"), some) == [number for *_, number in having[:k]]


@given(events(20), st.integers(1, 8))
def test_the_greatest_by_another_field_say_both(some: list[Event], k: int) -> None:
    """Pairs of what is kept and what it is ranked by."""
    having = sorted((-e.whole, e.time, e.offset, e) for e in some if e.word is not None)
    expected = [(event.word, event.whole) for *_, event in having[:k]]
    assert value(TopK(k, "word", by="whole"), some) == expected


def test_no_more_than_k_are_kept() -> None:
    """A row doesn't grow with the records."""
    state = folded(TopK(5, "number"), numbered(float(at % 100) for at in range(1000)))
    assert [(top.by, top.time) for top in state.tops] == [(99.0, 99 + 100 * at) for at in range(5)]


@pytest.mark.parametrize("k", [1, 1000])
def test_the_least_and_the_greatest_k_are_taken(k: int) -> None:
    """And as many are kept; of equal ones that come later, the earlier."""
    some = numbered([1.0] * (k + 1))
    state = folded(TopK(k, "number"), reversed(some))
    assert [top.time for top in state.tops] == list(range(k))


@pytest.mark.parametrize("k", [0, -1, 1001, 2.0, True, "3", None])
def test_a_k_that_can_t_be_is_refused(k: Any) -> None:
    """With one line."""
    with pytest.raises(DefinitionError) as caught:
        TopK(k, "number")
    assert str(caught.value) == f"TopK: k is a whole number from 1 to 1,000, not {k!r}"
