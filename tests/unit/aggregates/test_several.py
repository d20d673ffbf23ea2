"""Several aggregates in one table: one row, one record in all of them or in none."""

from typing import Any

import pytest
from aggregate_laws import Event, LongestWord, events, folded, restored, row, value
from hypothesis import given

from eventfold.aggregates import Count, Max, Mean, Several, Sum, value_of
from eventfold.windows.errors import DefinitionError

BOTH = Several(mean=Mean("price"), own=LongestWord(), n=Count(), inner=Several(n=Count("word")))


def with_word(some: list[Event]) -> list[Event]:
    """Return the events that have a word."""
    return [event for event in some if event.word is not None]


@given(events())
def test_value_of_several_is_a_dict_by_aggregate_name(some: list[Event]) -> None:
    """The value of a custom aggregate is its state, that of a nested `Several` a dict."""
    some = with_word(some)
    assert value(BOTH, some) == {
        "mean": value(Mean("price"), some),
        "own": folded(LongestWord(), some),
        "n": len(some),
        "inner": {"n": len(some)},
    }


@given(events(), events())
def test_state_has_an_attribute_for_each_aggregate(left: list[Event], right: list[Event]) -> None:
    """Merged and restored states have them too."""
    states = folded(BOTH, with_word(left)), folded(BOTH, with_word(right))
    merged = BOTH.merge(*states)
    for state in (merged, restored(BOTH, merged)):
        assert state.n.count == len(with_word(left + right))
        assert state.mean == Mean("price").merge(states[0].mean, states[1].mean)
        assert state.own == folded(LongestWord(), with_word(left + right))


@pytest.mark.parametrize(
    "bad",
    [
        Event(0, 0, word=None),
        Event(0, 0, word="a", price=float("nan")),
        Event(0, 0, word="a", number=float("nan")),
    ],
    ids=["custom", "first", "last"],
)
def test_record_that_one_aggregate_rejects_is_added_to_none(bad: Event) -> None:
    """Whichever rejects it: a dead letter is in no sum and in no count."""
    several = Several(mean=Mean("price"), own=LongestWord(), n=Count(), last=Max("number"))
    state = folded(several, [Event(0, 0, word="word", number=1.0)])
    before = row(several, state)
    with pytest.raises((TypeError, ValueError)):
        several.add(state, bad, 1, 1)
    assert row(several, state) == before


def test_earlier_state_of_a_custom_aggregate_is_not_changed() -> None:
    """A state taken before a record came is not changed by the record."""
    several = Several(own=LongestWord())
    state = several.zero()
    own = state.own
    several.add(state, Event(0, 0, word="word"), 0, 0)
    assert (own.length, state.own.length) == (0, 4)


def test_a_single_aggregate_is_accepted() -> None:
    """Its value is a dict as well."""
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
def test_an_invalid_definition_is_rejected(aggregates: dict[str, Any], problem: str) -> None:
    """In one line."""
    with pytest.raises(DefinitionError) as caught:
        Several(**aggregates)
    assert str(caught.value) == f"Several: {problem}"


def test_names_that_python_uses_itself_are_accepted() -> None:
    """Such as `self`, `count` and `value`."""
    names = Several(self=Count(), count=Count(), value=Count())
    assert value_of(names, names.zero()) == {"self": 0, "count": 0, "value": 0}
