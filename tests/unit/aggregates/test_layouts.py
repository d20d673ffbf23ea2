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
def test_layout_describes_the_whole_definition(aggregate: Aggregate[Any, Any], layout: str) -> None:
    """Class, fields, parameters that rows depend on, versions; class and version of an own one."""
    assert layout_of(aggregate) == layout


def test_layout_omits_parameters_that_rows_do_not_depend_on() -> None:
    """Other quantiles can be computed from the same rows."""
    assert layout_of(Quantiles("ms", q=(0.9,))) == layout_of(Quantiles("ms", q=(0.5, 0.99)))


def test_state_of_an_aggregate_without_a_value_is_its_value() -> None:
    """The value of a candle is the candle."""
    state = Ohlc().zero()
    assert value_of(Ohlc(), state) is state


@pytest.mark.parametrize("field", ["", "top 3", "a..b", 3, None], ids=repr)
@pytest.mark.parametrize("make", [Sum, First, Vwap, Distinct, Quantiles])
def test_an_invalid_field_is_rejected(make: Any, field: Any) -> None:
    """In one line, when the aggregate is defined."""
    with pytest.raises(DefinitionError) as caught:
        make(field)
    assert str(caught.value) == (
        f"{field!r} is neither the name of a field nor a function of a record"
    )
