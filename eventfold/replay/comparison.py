"""Comparison of both sides, result by result."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from eventfold.replay.coverage import IGNORED, Coverage
from eventfold.replay.entries import Entries, decoded
from eventfold.replay.results import Found, Pair

#: Relative tolerance of floats, whose sums depend on the order of arrival; all else is exact.
TOLERANCE = 1e-9

#: Kind of a difference: a result is only in the replay, only in live, or different.
Change = Literal["added", "removed", "changed"]


class Difference(msgspec.Struct, frozen=True):
    """One result that differs between both sides."""

    topic: str
    what: Change
    key: str
    #: Its identity beside the key: fields of a window, coordinates of a record.
    identity: str
    live: dict[str, Any] | None
    replayed: dict[str, Any] | None

    @property
    def fields(self) -> list[str]:
        """The names of the fields that differ."""
        live, replayed = self.live or {}, self.replayed or {}
        names = dict.fromkeys([*live, *replayed])
        return [name for name in names if not same(live.get(name), replayed.get(name))]


@dataclass
class TopicSummary:
    """Numbers of compared and left-out results of a topic, and its differences."""

    compared: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def count(self, what: Change) -> int:
        """Return the number of differences of a kind."""
        return sum(each.what == what for each in self.differences)


def compare(
    pairs: Iterable[Pair], entries: Mapping[str, Entries], coverage: Coverage
) -> dict[str, TopicSummary]:
    """Return the summary of each topic."""
    found: defaultdict[str, TopicSummary] = defaultdict(TopicSummary)
    for topic in entries:
        found[topic] = TopicSummary()
    for pair in pairs:
        _compare(pair, entries[pair.topic], coverage, found[pair.topic])
    return dict(found)


def _compare(pair: Pair, entries: Entries, coverage: Coverage, summary: TopicSummary) -> None:
    live, replayed = list(pair.live), list(pair.replayed)
    for ours, theirs in _matched(live, replayed, entries.ignored):
        # Live's result decides: in a compacted topic it may be later than the replay's.
        one = ours or theirs
        if one is None:
            continue
        why = coverage.left_out(entries, pair.key, one, in_live=ours is not None)
        if why is not None:
            if why != IGNORED:
                summary.left_out[why] += 1
            continue
        summary.compared += 1
        difference = _difference(pair, ours, theirs, entries.ignored)
        if difference is not None:
            summary.differences.append(difference)


def _matched(
    live: list[Found], replayed: list[Found], ignored: frozenset[str]
) -> Iterable[tuple[Found | None, Found | None]]:
    """Yield pairs of results: equal ones, then the others in their order, padded with None."""
    left = list(replayed)
    unequal = []
    for ours in live:
        match = next((each for each in left if _equal(ours, each, ignored)), None)
        if match is None:
            unequal.append(ours)
        else:
            left.remove(match)
            yield ours, match
    for index in range(max(len(unequal), len(left))):
        yield (
            unequal[index] if index < len(unequal) else None,
            left[index] if index < len(left) else None,
        )


def _equal(live: Found, replayed: Found, ignored: frozenset[str]) -> bool:
    if live.value == replayed.value:
        return True
    return same(_compared_fields(live, ignored), _compared_fields(replayed, ignored))


def _difference(
    pair: Pair, live: Found | None, replayed: Found | None, ignored: frozenset[str]
) -> Difference | None:
    if live is not None and replayed is not None and _equal(live, replayed, ignored):
        return None
    what: Change = "changed"
    if live is None or replayed is None:
        what = "added" if live is None else "removed"
    return Difference(
        pair.topic,
        what,
        pair.key,
        pair.identity,
        None if live is None else _compared_fields(live, ignored),
        None if replayed is None else _compared_fields(replayed, ignored),
    )


def _compared_fields(found: Found, ignored: frozenset[str]) -> dict[str, Any]:
    return {name: each for name, each in decoded(found.value).items() if name not in ignored}


def same(one: Any, other: Any) -> bool:
    """Return whether two values agree: floats within TOLERANCE, all else exactly.

    >>> same({"mean": 0.1 + 0.2}, {"mean": 0.3}), same(1, 2)
    (True, False)
    """
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, int | float) and isinstance(other, int | float)
        return numbers and math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
