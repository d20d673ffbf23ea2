"""Deadlines: items fall due in order; items whose deadline was dropped are released."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.engine.deadlines import FEW, Deadlines


@dataclass(eq=False)
class Item:
    """Something with a deadline, or with none any more."""

    at: int | None


def test_void_deadlines_are_released_long_before_they_are_due() -> None:
    """Thousands of items end early; one in a hundred stays."""
    deadlines: Deadlines[Item] = Deadlines(lambda item: item.at)
    for number in range(50_000):
        item = Item(1_000_000 + number)
        deadlines.add(item)
        if number % 100:
            item.at = None
        assert len(deadlines) <= FEW + 2 * (number // 100 + 1) + FEW
    due = []
    while (due_item := deadlines.pop(2_000_000)) is not None:
        due.append(due_item.at)
    assert due == [1_000_000 + number for number in range(0, 50_000, 100)]


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=60))
def test_items_fall_due_in_order_whatever_was_dropped(items: list[tuple[int, bool]]) -> None:
    """Items of one deadline keep the order in which they were added."""
    deadlines: Deadlines[Item] = Deadlines(lambda item: item.at)
    made = [Item(at) for at, _ in items]
    for item in made:
        deadlines.add(item)
    expected = sorted((t for t, (_, stays) in zip(made, items, strict=True) if stays), key=_at)
    for item, (_, stays) in zip(made, items, strict=True):
        if not stays:
            item.at = None
    deadlines._drop_void()
    found = []
    while (due := deadlines.pop(50)) is not None:
        found.append(due)
    assert found == expected


@pytest.mark.parametrize("until", [9, 10, 11, 20])
def test_an_item_is_due_exactly_at_its_deadline(until: int) -> None:
    """An item whose deadline moved is due at the new one; `first` does not remove an item."""
    deadlines: Deadlines[Item] = Deadlines(lambda item: item.at)
    moved, stays, gone = Item(5), Item(10), Item(7)
    for item in (moved, stays, gone, Item(None)):
        deadlines.add(item)
    assert len(deadlines) == 3
    moved.at, gone.at = 20, None
    first = deadlines.first(until)
    assert first == (None if until < 10 else (10, stays))
    assert deadlines.first(until) == first
    found = [each for _ in range(3) if (each := deadlines.pop(until)) is not None]
    assert found == [item for item in (stays, moved) if (item.at or 0) <= until]


def _at(item: Item) -> int:
    return item.at or 0
