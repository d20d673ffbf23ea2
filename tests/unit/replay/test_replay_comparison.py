"""Counts of a comparison, and its differences."""

import json
from typing import Any

import pytest
from replay_coverage import BEGIN, HOUR, MINUTE, new_coverage

from app import app
from app.market.topics import CANDLES
from eventfold.replay import coverage
from eventfold.replay.comparison import Difference, TopicSummary, compare
from eventfold.replay.entries import Entries
from eventfold.replay.results import Found, Pair
from eventfold.replay.selection import select
from eventfold.topics import DEAD_LETTERS


def candle(minute: int = 0, **fields: Any) -> Found:
    """Return a window of a minute, so many minutes after the interval began."""
    start = BEGIN + minute * MINUTE
    return Found(json.dumps(fields).encode(), start, start + MINUTE, 0, "")


def compared(*pairs: Pair) -> TopicSummary:
    """Compare the candles of both sides."""
    entries = {CANDLES.base_name: Entries(CANDLES.of(app.settings), select(app, []))}
    return compare(pairs, entries, new_coverage())[CANDLES.base_name]


def pair(live: list[Found], replayed: list[Found]) -> Pair:
    """Return the results of both sides with one identity."""
    return Pair(CANDLES.base_name, "A", "[60,60,0]", live, replayed)


def test_equal_results_are_counted_and_are_no_difference() -> None:
    """Each result once; floats may differ by the order of a sum."""
    found = compared(
        pair([candle(high=1)], [candle(high=1)]),
        pair([candle(1, mean=1.0)], [candle(1, mean=1.0 + 1e-12)]),
    )
    assert found == TopicSummary(compared=2)


def test_each_kind_of_difference_is_counted() -> None:
    """Added, removed and changed results, of all that were compared."""
    found = compared(
        pair([], [candle(high=1)]),
        pair([], [candle(1, high=1)]),
        pair([candle(2, high=1)], []),
        pair([candle(3, high=1)], [candle(3, high=2)]),
        pair([candle(4, high=1)], [candle(4, high=3)]),
        pair([candle(5, high=1)], [candle(5, high=4)]),
        pair([candle(6, high=1)], [candle(6, high=1)]),
    )
    counts = {what: found.count(what) for what in ("added", "removed", "changed")}  # type: ignore[arg-type]
    assert counts == {"added": 2, "removed": 1, "changed": 3}
    assert found.compared == 7
    assert found.differences[2] == Difference(
        CANDLES.base_name, "removed", "A", "[60,60,0]", {"high": 1}, None
    )
    assert found.differences[3] == Difference(
        CANDLES.base_name, "changed", "A", "[60,60,0]", {"high": 1}, {"high": 2}
    )


def test_a_result_that_is_left_out_hides_none_behind_it() -> None:
    """Of one identity, such as a window's updates, each is judged by itself."""
    before, now = candle(-5, high=1), candle(high=1)
    found = compared(pair([before, now], [before, candle(high=2)]))
    assert (found.compared, found.count("changed")) == (1, 1)


def test_a_difference_names_its_fields() -> None:
    """Those of either side, in their order."""
    (one,) = compared(
        pair([candle(low=1, high=2, count=3)], [candle(low=1, high=5, late=0)])
    ).differences
    assert one.fields == ["high", "count", "late"]


@pytest.mark.parametrize(
    ("live", "replayed", "is_equal"),
    [
        ([1.0, 2.0], [1.0, 2.0 + 1e-12], True),
        ([1.0], [1.0, 2.0], False),
        ([1.0, 2.0], [1.0], False),
        ([], [1.0], False),
        ([{"a": 1.0}], [{"a": 1.0, "b": 1}], False),
        ([{"a": 1.0, "b": 1}], [{"a": 1.0}], False),
    ],
)
def test_lists_are_equal_if_all_their_entries_are(
    live: list[Any], replayed: list[Any], *, is_equal: bool
) -> None:
    """A ranking that is cut off is another one."""
    found = compared(pair([candle(top=live)], [candle(top=replayed)]))
    assert (found.differences == []) is is_equal


@pytest.mark.parametrize(
    ("live", "replayed", "kinds"),
    [
        ([1, 2], [2, 1], []),
        ([1, 1], [1], ["removed"]),
        ([1, 2, 3], [3], ["removed", "removed"]),
        ([1], [2, 3], ["changed", "added"]),
        ([1, 2], [3, 2], ["changed"]),
        ([1, 2, 3], [3, 4], ["changed", "removed"]),
    ],
)
def test_results_with_one_identity_are_paired_with_their_equals(
    live: list[int], replayed: list[int], kinds: list[str]
) -> None:
    """The others are paired in their order."""
    found = compared(
        pair([candle(high=each) for each in live], [candle(high=each) for each in replayed])
    )
    assert [each.what for each in found.differences] == kinds
    assert found.compared == max(len(live), len(replayed))


def test_results_left_out_are_counted_by_reason() -> None:
    """Each once; results of other times are ignored."""
    hour = HOUR // MINUTE
    beyond = [
        candle(minute)._replace(end=BEGIN + (minute + 5) * MINUTE) for minute in (hour - 1, -1)
    ]
    found = compared(
        pair(beyond, []),
        pair([], [candle(0)._replace(start=None)]),
        pair([candle(hour)], []),
        pair([candle(-1)], [candle(-1)]),
        pair([candle(1)], [candle(1)]),
    )
    assert found.left_out == {coverage.BEYOND: 2, coverage.UNKNOWN: 1}
    assert (found.compared, found.differences) == (1, [])


def test_a_topic_without_results_has_a_summary_too() -> None:
    """That nothing was compared is worth a line."""
    topics = [topic.of(app.settings) for topic in (CANDLES, DEAD_LETTERS)]
    entries = {topic.name: Entries(topic, select(app, [])) for topic in topics}
    assert compare([], entries, new_coverage()) == dict.fromkeys(entries, TopicSummary())
