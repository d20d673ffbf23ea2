"""Both sides of a comparison, as they are kept until it."""

from collections.abc import Iterator
from pathlib import Path
from time import time_ns
from typing import Any

import pytest
from aiokafka import TopicPartition

from eventfold.replay.entries import Entry
from eventfold.replay.results import Found, Pair, Results
from eventfold.replay.shadow import BATCH, ShadowJournal, ShadowLog


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
    ("revisions", "holds"), [([1, 2, 3], 2), ([3, 2, 1], 0), ([2, 3, 1], 1), ([2, 2], 1)]
)
def test_of_a_window_the_highest_revision_holds(
    results: Results, revisions: list[int], holds: int
) -> None:
    """The last one, of those with the same; and all that is known of it."""
    for place, revision in enumerate(revisions):
        value = b"%d" % place
        results.put("live", [entry(revision, value, start=place, end=place + 1)], log=False)
    found = Found(b"%d" % holds, holds, holds + 1, 0, "")
    assert list(results.pairs()) == [Pair("t", "A", "1", [found], [])]


def test_of_a_log_each_record_holds_and_of_both_sides(results: Results) -> None:
    """In the order in which they came; with where they came from."""
    results.put("replayed", [entry(value=b"3", sources=(("s", 1, 7),))], log=True)
    sources = (("s", 1, 7), ("s", 1, 8))
    results.put("live", [entry(value=b"1", sources=sources), entry(value=b"2")], log=True)
    (pair,) = results.pairs()
    assert [each.value for each in pair.live] == [b"1", b"2"]
    assert [each.sources for each in pair.live] == ["s-1-7,s-1-8", ""]
    assert [(each.value, each.sources) for each in pair.replayed] == [(b"3", "s-1-7")]


def test_what_was_withdrawn_is_on_no_side(results: Results) -> None:
    """Its last value is none; keys and topics are distinguished, and come in their order."""
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


@pytest.mark.parametrize("records", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 1])
async def test_what_a_table_writes_is_read_whole_by_the_next(records: int) -> None:
    """In batches of no more than so many, with offsets that have no gap."""
    log, before = ShadowLog(), time_ns()
    log.append((b"k", b"%d" % n, []) for n in range(records))
    after = time_ns()
    log.finish()
    batches = [batch async for batch in log.batches()]
    assert all(0 < len(batch) <= BATCH for batch in batches)
    assert len(batches) == -(-records // BATCH)
    found = [record for batch in batches for record in batch]
    assert [each.offset for each in found] == list(range(records))
    assert [each.value for each in found] == [b"%d" % n for n in range(records)]
    # As Kafka stamps them, in ms.
    assert all(before // 10**6 <= each.timestamp <= after // 10**6 for each in found)


def test_what_no_table_reads_is_only_compared() -> None:
    """A journal keeps the partitions of internal topics, and passes all outputs to its sink."""
    said: list[Any] = []
    tp = TopicPartition("days", 1)
    journal = ShadowJournal([tp], lambda *output: said.append(output))

    class Snapshot:
        """Content of a checkpoint of one table."""

        def __init__(self) -> None:
            self.rows = (1, 2, 3)
            self.outputs = {("days", 1): [(b"k", b"v", [])], ("days", 0): [], ("other", 1): []}

    one, other = object(), object()
    assert journal.commit([(one, Snapshot()), (other, Snapshot())]) == [3, 3]  # type: ignore[list-item]
    assert journal.commit([(one, Snapshot())]) == [6]  # type: ignore[list-item]
    assert said == 3 * [("days", 1, [(b"k", b"v", [])]), ("days", 0, []), ("other", 1, [])]
    assert set(journal.logs) == {tp}
    assert [record.offset for record in journal.logs[tp]._records] == [0, 1, 2]
