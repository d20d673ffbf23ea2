"""Every aggregate is a commutative monoid, exactly, whatever the numbers: not even sums round."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from aggregate_laws import (
    EVERY,
    Event,
    content,
    events,
    folded,
    merged_at_random,
    merged_in_order,
    restored,
    row,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eventfold.aggregates import Aggregate, Count, Mean, Quantiles, Several, TopK, value_of

every_aggregate = pytest.mark.parametrize("aggregate", EVERY, ids=repr)
randoms = st.randoms(use_true_random=False)
AnyAggregate = Aggregate[Any, Any]


@every_aggregate
@settings(max_examples=50)
@given(some=events(), random=randoms)
def test_the_order_of_arrival_makes_no_difference(
    aggregate: AnyAggregate, some: list[Event], random: Random
) -> None:
    """First and last, ties, sums of floats that cancel each other: all of it."""
    shuffled = random.sample(some, len(some))
    expected = content(aggregate, folded(aggregate, some))
    assert content(aggregate, folded(aggregate, shuffled)) == expected


@every_aggregate
@settings(max_examples=50)
@given(some=events(), parts=st.integers(1, 5), random=randoms)
def test_any_split_and_any_grouping_give_the_fold_of_all(
    aggregate: AnyAggregate, some: list[Event], parts: int, random: Random
) -> None:
    """Each event in a pane at random, panes merged two by two at random."""
    panes: list[list[Event]] = [[] for _ in range(parts)]
    for event in random.sample(some, len(some)):
        random.choice(panes).append(event)
    states = [folded(aggregate, pane) for pane in panes]
    expected = content(aggregate, folded(aggregate, some))
    assert content(aggregate, merged_at_random(aggregate, states, random)) == expected
    assert content(aggregate, merged_in_order(aggregate, states)) == expected


@every_aggregate
@settings(max_examples=30)
@given(a=events(5), b=events(5), c=events(5))
def test_merging_is_associative_and_commutative(
    aggregate: AnyAggregate, a: list[Event], b: list[Event], c: list[Event]
) -> None:
    """Offsets are those of one partition, so events differ in theirs."""
    for offset, event in enumerate([*a, *b, *c]):
        event.offset = offset
    x, y, z = (folded(aggregate, some) for some in (a, b, c))
    merge = aggregate.merge
    left, right = merge(merge(x, y), z), merge(x, merge(y, z))
    assert content(aggregate, left) == content(aggregate, right)
    assert content(aggregate, merge(x, y)) == content(aggregate, merge(y, x))


@every_aggregate
@settings(max_examples=30)
@given(some=events())
def test_the_state_of_nothing_is_neutral(aggregate: AnyAggregate, some: list[Event]) -> None:
    """On both sides, and it is another one each time."""
    state = folded(aggregate, some)
    expected = content(aggregate, state)
    assert content(aggregate, aggregate.merge(state, aggregate.zero())) == expected
    assert content(aggregate, aggregate.merge(aggregate.zero(), state)) == expected
    assert aggregate.zero() is not aggregate.zero()


@every_aggregate
@settings(max_examples=30)
@given(left=events(6), right=events(6), late=events(3))
def test_merged_states_share_nothing(
    aggregate: AnyAggregate, left: list[Event], right: list[Event], late: list[Event]
) -> None:
    """Merging changes neither side; nor does adding to one of the three change the others."""
    sources = folded(aggregate, left), folded(aggregate, right)
    rows = [row(aggregate, source) for source in sources]
    merged = aggregate.merge(*sources)
    for event in late:
        aggregate.add(merged, event, event.time, event.offset)
    assert [row(aggregate, source) for source in sources] == rows
    before = row(aggregate, merged)
    for source in sources:
        for event in late:
            aggregate.add(source, event, event.time, event.offset)
    assert row(aggregate, merged) == before


@every_aggregate
@settings(max_examples=30)
@given(some=events(), more=events())
def test_a_restored_state_goes_on_as_if_it_had_stayed(
    aggregate: AnyAggregate, some: list[Event], more: list[Event]
) -> None:
    """A row returns what was written, and what is added to it afterwards counts as before."""
    state = folded(aggregate, some)
    again = restored(aggregate, state)
    assert type(again) is aggregate.state
    assert content(aggregate, again) == content(aggregate, state)
    for event in more:
        aggregate.add(state, event, event.time, event.offset)
        aggregate.add(again, event, event.time, event.offset)
    assert content(aggregate, again) == content(aggregate, state)
    assert content(aggregate, aggregate.merge(again, state)) == content(
        aggregate, aggregate.merge(state, again)
    )


def fields(item: Any) -> SimpleNamespace:
    """Return a record with `item` in every field."""
    names = ("number", "whole", "word", "price", "size")
    return SimpleNamespace(**dict.fromkeys(names, item))


#: What no aggregate of numbers takes.
BAD_NUMBERS = [
    (True, TypeError, "True is no number"),
    ("7", TypeError, "'7' is no number"),
    ([7], TypeError, "[7] is no number"),
    (float("nan"), ValueError, "nan is not finite"),
    (float("-inf"), ValueError, "-inf is not finite"),
    (1 << 63, OverflowError, "an int of 64 bits, a row holds 63 and a sign"),
    (10**5000, OverflowError, "an int of 16610 bits, a row holds 63 and a sign"),
]

OF_NUMBERS = [each for each in EVERY if repr(each).startswith(("Sum", "Mean", "V", "M", "Q"))]


@pytest.mark.parametrize(("item", "kind", "says"), BAD_NUMBERS, ids=range(len(BAD_NUMBERS)))
@pytest.mark.parametrize("aggregate", [*OF_NUMBERS, TopK(3, "number")], ids=repr)
def test_what_is_no_number_is_refused_before_anything_changed(
    aggregate: AnyAggregate, item: Any, kind: type[Exception], says: str
) -> None:
    """With the field's name: the record becomes a dead letter, the state stays as it was."""
    state = folded(aggregate, [Event(1, 1, number=2.5)])
    before = row(aggregate, state)
    with pytest.raises(kind) as caught:
        aggregate.add(state, fields(item), 2, 2)
    assert str(caught.value) in {f"{name}: {says}" for name in ("number", "whole", "price")}
    assert row(aggregate, state) == before


@pytest.mark.parametrize(
    ("item", "kind", "says"),
    [
        ([7], TypeError, "word: [7] is no "),
        (float("inf"), ValueError, "word: inf is not finite"),
        ("\ud800", ValueError, r"word: '\ud800' is no valid Unicode"),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "aggregate",
    [each for each in EVERY if "word" in repr(each) and each.layout[:2] != "Co"],
    ids=repr,
)
def test_what_no_row_gives_back_is_refused_before_anything_changed(
    aggregate: AnyAggregate, item: Any, kind: type[Exception], says: str
) -> None:
    """Whether it would be kept or not: so that the order of arrival doesn't decide."""
    record = Event(9, 9, number=1.0, word="a", whole=1 << 62)
    state = folded(aggregate, [record])
    before = row(aggregate, state)
    for whole, time in ((0, 0), ((1 << 63) - 1, 10)):
        with pytest.raises(kind) as caught:
            aggregate.add(state, SimpleNamespace(number=1.0, word=item, whole=whole), time, time)
        assert str(caught.value).startswith(says)
    assert row(aggregate, state) == before


@pytest.mark.parametrize("aggregate", EVERY, ids=repr)
def test_a_missing_value_is_skipped(aggregate: AnyAggregate) -> None:
    """As SQL's aggregates skip NULL; only a count of records counts the record."""
    state = folded(aggregate, [Event(1, 1, number=2.5, word="a")])
    before = row(aggregate, state)
    aggregate.add(state, fields(None), 0, 0)
    if isinstance(aggregate, Several) or repr(aggregate) == "Count() 1":
        assert row(aggregate, state) != before
    else:
        assert row(aggregate, state) == before


def test_a_field_that_isnt_there_is_named() -> None:
    """A misspelt name makes dead letters that name it."""
    with pytest.raises(AttributeError, match="has no attribute 'prize'"):
        folded(Mean("prize"), [Event(1, 1)])


@pytest.mark.parametrize(
    ("aggregate", "nothing"),
    [
        (aggregate, {"C": 0, "S": 0, "D": 0, "T": [], "Q": [None] * 3}.get(repr(aggregate)[0]))
        for aggregate in EVERY
        if not isinstance(aggregate, Several)
    ],
    ids=repr,
)
def test_nothing_has_a_value_too(aggregate: AnyAggregate, nothing: Any) -> None:
    """Sums and counts are 0, lists empty; what there is none of is None."""
    assert value_of(aggregate, aggregate.zero()) == nothing


def test_fields_may_be_dotted_or_functions() -> None:
    """What a record holds is reached by name, anything else by a function of the record."""
    record = SimpleNamespace(order=SimpleNamespace(price=3.0), time=0, offset=0)
    assert folded(Mean("order.price"), [record]).mean == 3.0
    assert folded(Mean(lambda each: each.order.price * 2), [record]).mean == 6.0
    assert folded(Count(lambda each: each.time or None), [record]).count == 0


def test_numbers_of_other_kinds_become_plain_ones() -> None:
    """A row knows nothing of numpy's numbers, nor of enumerations."""
    numpy = pytest.importorskip("numpy")
    some = [Event(0, 0, number=numpy.float64(2.5))]
    assert type(folded(TopK(1, "number"), some).tops[0].item) is float
    assert value_of(Quantiles("number"), folded(Quantiles("number"), some))[0] == pytest.approx(
        2.5, rel=0.01
    )
