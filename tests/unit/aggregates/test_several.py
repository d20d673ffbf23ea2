"""Several aggregates in one table: one row, one record in all of them or in none."""

from typing import Any

import pytest
from aggregate_laws import Event, LongestWord, events, folded, restored, row, value
from hypothesis import given

from eventfold.aggregates import Count, Max, Mean, Several, Sum, value_of
from eventfold.windows.errors import DefinitionError

BOTH = Several(mean=Mean("price"), own=LongestWord(), n=Count(), inner=Several(n=Count("word")))


def spelt(some: list[Event]) -> list[Event]:
    """Return the events that have a word."""
    return [event for event in some if event.word is not None]


@given(events())
def test_each_has_its_own_value(some: list[Event]) -> None:
    """A dict by name; somebody's own aggregate's value is its state, another `Several`'s a dict."""
    some = spelt(some)
    assert value(BOTH, some) == {
        "mean": value(Mean("price"), some),
        "own": folded(LongestWord(), some),
        "n": len(some),
        "inner": {"n": len(some)},
    }


@given(events(), events())
def test_each_is_an_attribute_of_the_state(left: list[Event], right: list[Event]) -> None:
    """Also of one that was merged, and of one that came from a row."""
    states = folded(BOTH, spelt(left)), folded(BOTH, spelt(right))
    merged = BOTH.merge(*states)
    for state in (merged, restored(BOTH, merged)):
        assert state.n.count == len(spelt(left + right))
        assert state.mean == Mean("price").merge(states[0].mean, states[1].mean)
        assert state.own == folded(LongestWord(), spelt(left + right))


@pytest.mark.parametrize(
    "bad",
    [
        Event(0, 0, word=None),
        Event(0, 0, word="a", price=float("nan")),
        Event(0, 0, word="a", number=float("nan")),
    ],
    ids=["the own", "the first", "the last"],
)
def test_a_record_that_one_refuses_is_in_none(bad: Event) -> None:
    """Whichever of them it is: the dead letter stands in no sum and in no count."""
    several = Several(mean=Mean("price"), own=LongestWord(), n=Count(), last=Max("number"))
    state = folded(several, [Event(0, 0, word="word", number=1.0)])
    before = row(several, state)
    with pytest.raises((TypeError, ValueError)):
        several.add(state, bad, 1, 1)
    assert row(several, state) == before


def test_merging_leaves_an_own_aggregate_s_state_alone() -> None:
    """A state taken before a record came is not changed by the record."""
    several = Several(own=LongestWord())
    state = several.zero()
    own = state.own
    several.add(state, Event(0, 0, word="word"), 0, 0)
    assert (own.length, state.own.length) == (0, 4)


def test_one_alone_will_do() -> None:
    """Though several were meant."""
    assert value(Several(total=Sum("whole")), [Event(0, 0, whole=3)]) == {"total": 3}


@pytest.mark.parametrize(
    ("aggregates", "problem"),
    [
        ({}, "at least one aggregate, by name, is needed"),
        ({"_n": Count()}, "'_n' can't be the name of an attribute"),
        ({"class": Count()}, "'class' can't be the name of an attribute"),
        ({"top 3": Count()}, "'top 3' can't be the name of an attribute"),
        ({"n": Count}, "n is a class, Count: call it"),
        ({"n": 3}, "n is no aggregate: it has no state, version, zero, add, merge"),
    ],
)
def test_a_definition_that_can_t_be_is_refused(aggregates: dict[str, Any], problem: str) -> None:
    """With one line."""
    with pytest.raises(DefinitionError) as caught:
        Several(**aggregates)
    assert str(caught.value) == f"Several: {problem}"


def test_a_name_may_be_one_that_python_uses_itself() -> None:
    """`self` too is a name like any other."""
    names = Several(self=Count(), count=Count(), value=Count())
    assert value_of(names, names.zero()) == {"self": 0, "count": 0, "value": 0}
