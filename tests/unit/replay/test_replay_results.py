"""Results of both sides, as they are stored until they are compared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventfold.replay.entries import Entry
from eventfold.replay.results import Found, Pair, Results


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    """Yield results that are closed at the end."""
    found = Results(tmp_path / "results")
    yield found
    found.close()


def entry(revision: int = 0, value: bytes | None = b"x", **fields: Any) -> Entry:
    """Return an entry of key A."""
    usual = {"topic": "t", "key": "A", "identity": "1", "start": 5, "end": 9, "partition": 0}
    return Entry(**usual | {"revision": revision, "value": value} | fields)


@pytest.mark.parametrize(
    ("revisions", "kept"), [([1, 2, 3], 2), ([3, 2, 1], 0), ([2, 3, 1], 1), ([2, 2], 1)]
)
def test_highest_revision_of_a_window_is_kept(
    results: Results, revisions: list[int], kept: int
) -> None:
    """Of equal revisions the last one, with all of its fields."""
    for place, revision in enumerate(revisions):
        value = b"%d" % place
        results.put("live", [entry(revision, value, start=place, end=place + 1)], log=False)
    found = Found(b"%d" % kept, kept, kept + 1, 0, "")
    assert list(results.pairs()) == [Pair("t", "A", "1", [found], [])]


def test_all_log_entries_of_both_sides_are_kept(results: Results) -> None:
    """In order of arrival, with their sources."""
    results.put("replayed", [entry(value=b"3", sources=(("s", 1, 7),))], log=True)
    sources = (("s", 1, 7), ("s", 1, 8))
    results.put("live", [entry(value=b"1", sources=sources), entry(value=b"2")], log=True)
    (pair,) = results.pairs()
    assert [each.value for each in pair.live] == [b"1", b"2"]
    assert [each.sources for each in pair.live] == ["s-1-7,s-1-8", ""]
    assert [(each.value, each.sources) for each in pair.replayed] == [(b"3", "s-1-7")]


def test_withdrawn_result_is_on_neither_side(results: Results) -> None:
    """Its last value is None; pairs are in order of topic, key and identity."""
    results.put("live", [entry(1), entry(2, None)], log=False)
    assert list(results.pairs()) == []
    results.put("live", [entry(key="B", start=7), entry(key="B", identity="2", start=3)], log=False)
    results.put("replayed", [entry(topic="u", start=1)], log=False)
    assert [(each.topic, each.key, each.identity) for each in results.pairs()] == [
        ("t", "B", "1"),
        ("t", "B", "2"),
        ("u", "A", "1"),
    ]
    assert results.firsts("t") == {"A": 5, "B": 3}
    assert results.firsts("none") == {}
