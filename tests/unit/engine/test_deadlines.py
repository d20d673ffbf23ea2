"""Deadlines: what falls due, and what nobody waits for any more."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.engine.deadlines import FEW, Deadlines


@dataclass(eq=False)
class Thing:
    """Something with a deadline, as long as it has one."""

    at: int | None


def test_what_is_void_is_let_go_long_before_it_would_be_due() -> None:
    """Things that end early by the thousand, of which one in a hundred stays."""
    deadlines: Deadlines[Thing] = Deadlines(lambda thing: thing.at)
    for number in range(50_000):
        thing = Thing(1_000_000 + number)
        deadlines.add(thing)
        if number % 100:
            thing.at = None
        assert len(deadlines) <= FEW + 2 * (number // 100 + 1) + FEW
    due = []
    while (thing_due := deadlines.pop(2_000_000)) is not None:
        due.append(thing_due.at)
    assert due == [1_000_000 + number for number in range(0, 50_000, 100)]


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=60))
def test_things_fall_due_in_order_whatever_was_dropped(things: list[tuple[int, bool]]) -> None:
    """Those of one deadline in the order in which they were added."""
    deadlines: Deadlines[Thing] = Deadlines(lambda thing: thing.at)
    made = [Thing(at) for at, _ in things]
    for thing in made:
        deadlines.add(thing)
    expected = sorted((t for t, (_, stays) in zip(made, things, strict=True) if stays), key=_at)
    for thing, (_, stays) in zip(made, things, strict=True):
        if not stays:
            thing.at = None
    deadlines._drop_void()
    found = []
    while (due := deadlines.pop(50)) is not None:
        found.append(due)
    assert found == expected


@pytest.mark.parametrize("until", [9, 10, 11, 20])
def test_what_is_due_is_due_to_the_millisecond(until: int) -> None:
    """One whose deadline moved on comes at its new one; what is looked at first still waits."""
    deadlines: Deadlines[Thing] = Deadlines(lambda thing: thing.at)
    moved, stays, gone = Thing(5), Thing(10), Thing(7)
    for thing in (moved, stays, gone, Thing(None)):
        deadlines.add(thing)
    assert len(deadlines) == 3
    moved.at, gone.at = 20, None
    first = deadlines.first(until)
    assert first == (None if until < 10 else (10, stays))
    assert deadlines.first(until) == first
    found = [each for _ in range(3) if (each := deadlines.pop(until)) is not None]
    assert found == [thing for thing in (stays, moved) if (thing.at or 0) <= until]


def _at(thing: Thing) -> int:
    return thing.at or 0
