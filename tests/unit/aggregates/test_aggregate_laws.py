"""Every aggregate is a commutative monoid, exactly: no order of additions rounds differently."""

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
    """Also of first and last, of ties, and of floats that cancel each other."""
    shuffled = random.sample(some, len(some))
    expected = content(aggregate, folded(aggregate, some))
    assert content(aggregate, folded(aggregate, shuffled)) == expected


@every_aggregate
@settings(max_examples=50)
@given(some=events(), parts=st.integers(1, 5), random=randoms)
def test_merging_any_split_in_any_grouping_equals_one_fold(
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
def test_the_empty_state_is_neutral(aggregate: AnyAggregate, some: list[Event]) -> None:
    """On both sides; and `zero` returns a new one each time."""
    state = folded(aggregate, some)
    expected = content(aggregate, state)
    assert content(aggregate, aggregate.merge(state, aggregate.zero())) == expected
    assert content(aggregate, aggregate.merge(aggregate.zero(), state)) == expected
    assert aggregate.zero() is not aggregate.zero()


@every_aggregate
@settings(max_examples=30)
@given(left=events(6), right=events(6), late=events(3))
def test_merged_state_shares_no_data_with_its_sources(
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
def test_a_restored_state_folds_on_like_the_original(
    aggregate: AnyAggregate, some: list[Event], more: list[Event]
) -> None:
    """A row restores what was written, and events added afterwards give the same."""
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


#: Values that every aggregate of numbers rejects.
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


@pytest.mark.parametrize(("item", "kind", "message"), BAD_NUMBERS, ids=range(len(BAD_NUMBERS)))
@pytest.mark.parametrize("aggregate", [*OF_NUMBERS, TopK(3, "number")], ids=repr)
def test_non_number_is_rejected_and_leaves_the_state_unchanged(
    aggregate: AnyAggregate, item: Any, kind: type[Exception], message: str
) -> None:
    """The error names the field; the record becomes a dead letter."""
    state = folded(aggregate, [Event(1, 1, number=2.5)])
    before = row(aggregate, state)
    with pytest.raises(kind) as caught:
        aggregate.add(state, fields(item), 2, 2)
    assert str(caught.value) in {f"{name}: {message}" for name in ("number", "whole", "price")}
    assert row(aggregate, state) == before


@pytest.mark.parametrize(
    ("item", "kind", "message"),
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
def test_value_that_no_row_can_store_is_rejected_and_changes_nothing(
    aggregate: AnyAggregate, item: Any, kind: type[Exception], message: str
) -> None:
    """Also where it would not be kept, so that the order of arrival makes no difference."""
    record = Event(9, 9, number=1.0, word="a", whole=1 << 62)
    state = folded(aggregate, [record])
    before = row(aggregate, state)
    for whole, time in ((0, 0), ((1 << 63) - 1, 10)):
        with pytest.raises(kind) as caught:
            aggregate.add(state, SimpleNamespace(number=1.0, word=item, whole=whole), time, time)
        assert str(caught.value).startswith(message)
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


def test_missing_field_is_named_in_the_error() -> None:
    """A misspelt name makes dead letters that name it."""
    with pytest.raises(AttributeError, match="has no attribute 'prize'"):
        folded(Mean("prize"), [Event(1, 1)])


@pytest.mark.parametrize(
    ("aggregate", "empty_value"),
    [
        (aggregate, {"C": 0, "S": 0, "D": 0, "T": [], "Q": [None] * 3}.get(repr(aggregate)[0]))
        for aggregate in EVERY
        if not isinstance(aggregate, Several)
    ],
    ids=repr,
)
def test_the_empty_state_has_a_value(aggregate: AnyAggregate, empty_value: Any) -> None:
    """Sums and counts are 0, lists are empty, everything else is None."""
    assert value_of(aggregate, aggregate.zero()) == empty_value


def test_fields_may_be_dotted_or_functions() -> None:
    """Fields are read by name, anything else by a function of the record."""
    record = SimpleNamespace(order=SimpleNamespace(price=3.0), time=0, offset=0)
    assert folded(Mean("order.price"), [record]).mean == 3.0
    assert folded(Mean(lambda each: each.order.price * 2), [record]).mean == 6.0
    assert folded(Count(lambda each: each.time or None), [record]).count == 0


def test_numpy_numbers_become_python_numbers() -> None:
    """A row can store neither numpy's numbers nor enumerations."""
    numpy = pytest.importorskip("numpy")
    some = [Event(0, 0, number=numpy.float64(2.5))]
    assert type(folded(TopK(1, "number"), some).tops[0].item) is float
    assert value_of(Quantiles("number"), folded(Quantiles("number"), some))[0] == pytest.approx(
        2.5, rel=0.01
    )
