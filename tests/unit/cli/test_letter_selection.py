"""Which dead letters a command selects, and how they are grouped."""

from typing import Any

import pytest

from eventfold.cli.letters.reading import Place, Resent
from eventfold.cli.letters.selection import Groups, Selection
from eventfold.records import DeadLetter, ResentRecord


def letter(offset: int = 7, **fields: Any) -> DeadLetter:
    """Return a dead letter of a tick."""
    usual = {
        "topic": "ticks", "partition": 3, "offset": offset, "key": "A", "value": b"{",
        "error": f"ValueError: Price {offset} is wrong", "stage": "decode", "time": 1_000,
    }  # fmt: skip
    return DeadLetter(**(usual | fields))


def marker(record: str, sent: str, topic_id: str = "one") -> ResentRecord:
    """Return that a record was sent again."""
    return ResentRecord(record, topic_id, "dead-letters-0-1", sent, "app", fixed=False, time=2_000)


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection(topic="ticks"), True),
        (Selection(topic="tick"), False),
        (Selection(since=1_000), True),
        (Selection(since=1_001), False),
        (Selection(until=1_001), True),
        (Selection(until=1_000), False),
        (Selection(reason="pRiCe"), True),
        (Selection(reason="size"), False),
        (Selection(places=frozenset([Place("ticks", 3, 7)])), True),
        (Selection(places=frozenset([Place("ticks", 3, 8)])), False),
        (Selection(topic="ticks", since=1_001), False),
    ],
)
def test_a_letter_is_selected_if_all_filters_take_it(selection: Selection, *, taken: bool) -> None:
    """From `since` on, before `until`; a reason in any case."""
    assert selection.takes(letter()) is taken
    assert bool(selection) is (selection != Selection())


def test_letters_of_one_reason_are_one_group_whatever_numbers_it_has() -> None:
    """Counted with those sent again, and those that came of a record sent again."""
    resent = Resent({"ticks": "one"})
    resent.add(marker("ticks-3-1", "ticks-3-9"))
    groups = Groups(resent)
    for offset, time in (1, 500), (9, 3_000), (2, 1_000):
        groups.add(letter(offset, time=time))
    groups.add(letter(stage="candles"))
    first, second = groups.sorted
    assert (first.letters, first.resent, first.again) == (3, 1, 1)
    assert (first.first, first.last, first.sample) == (500, 3_000, "ticks-3-2")
    assert (second.step, second.letters) == ("candles", 1)


def test_a_marker_of_a_topic_that_was_made_anew_is_ignored() -> None:
    """Another record has its coordinates now."""
    resent = Resent({"ticks": "two"})
    resent.add(marker("ticks-3-1", "ticks-3-9"))
    assert resent.of(Place("ticks", 3, 1)) is None
    resent.add(marker("ticks-3-1", "ticks-3-9", "two"))
    assert resent.of(Place("ticks", 3, 1)) is not None
    assert resent.origin(Place("ticks", 3, 9)) is not None


def test_the_last_reset_of_each_application_is_known() -> None:
    """What it refused before, it may have counted since."""
    resent = Resent({})
    for application, time in ("one", 5), ("two", 9), ("one", 7):
        resent.add(ResentRecord("*", "", "", "", application, fixed=False, time=time))
    assert [resent.reset_at(name) for name in ("one", "two", "three")] == [7, 9, 0]
