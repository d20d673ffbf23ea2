"""Layouts: rows of another definition are distinguished from a table's own."""

from typing import Any

import pytest
from aggregate_laws import LongestWord, word_or_none

from eventfold.aggregates import (
    Aggregate,
    Count,
    Distinct,
    First,
    Mean,
    Ohlc,
    Quantiles,
    Several,
    Sum,
    TopK,
    Vwap,
    layout_of,
    value_of,
)
from eventfold.windows.errors import DefinitionError


@pytest.mark.parametrize(
    ("aggregate", "layout"),
    [
        (Ohlc(), "Ohlc 1"),
        (LongestWord(), "LongestWord 7"),
        (Count(), "Count() 1"),
        (Count("price"), "Count(price) 1"),
        (Sum("price"), "Sum(price) 1"),
        (Sum("order.price"), "Sum(order.price) 1"),
        (First(word_or_none), "First(word_or_none) 1"),
        (Vwap(), "Vwap(price, size) 1"),
        (Distinct("user"), "Distinct(user, 4096 registers) 1"),
        (Distinct("user", error=0.1), "Distinct(user, 128 registers) 1"),
        (Quantiles("ms", q=(0.5,)), "Quantiles(ms, accuracy 0.01) 1"),
        (TopK(3, "price"), "TopK(3, price) 1"),
        (TopK(3, "id", by="price"), "TopK(3, id, by price) 1"),
        (
            Several(mean=Mean("price"), n=Count(), own=LongestWord()),
            "Several(mean=Mean(price) 1, n=Count() 1, own=LongestWord 7)",
        ),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_a_layout_tells_the_whole_definition(aggregate: Aggregate[Any, Any], layout: str) -> None:
    """Class, fields, parameters that rows depend on, versions; of an own one, class and version."""
    assert layout_of(aggregate) == layout


def test_what_rows_do_not_depend_on_may_be_changed() -> None:
    """Other quantiles can be asked of the same rows."""
    assert layout_of(Quantiles("ms", q=(0.9,))) == layout_of(Quantiles("ms", q=(0.5, 0.99)))


def test_a_state_without_a_value_is_its_own() -> None:
    """What people want to see of a candle is the candle."""
    state = Ohlc().zero()
    assert value_of(Ohlc(), state) is state


@pytest.mark.parametrize("field", ["", "top 3", "a..b", 3, None], ids=repr)
@pytest.mark.parametrize("make", [Sum, First, Vwap, Distinct, Quantiles])
def test_a_field_that_can_t_be_is_refused(make: Any, field: Any) -> None:
    """With one line, where it is defined."""
    with pytest.raises(DefinitionError) as caught:
        make(field)
    assert str(caught.value) == (
        f"{field!r} is neither the name of a field nor a function of a record"
    )
