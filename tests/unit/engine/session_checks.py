"""Checks of a partition of sessions, against all of its ticks."""

from candle_truth import Truth, truth
from partition_driver import PartitionDriver
from session_truth import Kept, judged, sessions
from trails import Seen, answers, assert_rows_are_the_changelog, open_rows, rows, said_of, told


def gap_of(driver: PartitionDriver) -> int:
    """Return the gap (ms) of the table's sessions."""
    return driver.table.windows[0].size


def right(
    driver: PartitionDriver, facts: Truth, final_until: int | None = None
) -> dict[tuple[str, int], Seen]:
    """Compute the expected sessions, by symbol and start."""
    if final_until is None:
        final_until = facts.stream_time - driver.table.grace
    gap = gap_of(driver)
    return sessions(judged(facts.kept, gap), gap, final_until)


def now(driver: PartitionDriver) -> Truth:
    """Compute the truth about the ticks folded so far."""
    return truth(driver.raw[: driver.folded], driver.table.grace)


def nothing_at(result: Seen) -> bool:
    """Return whether a result retracts what was published under its start."""
    return result.final and result.count == result.late == 0 and result.end == result.start


def assert_published(driver: PartitionDriver, facts: Truth) -> None:
    """Readers who keep the highest revision of each start have the truth, and always had some."""
    results, expected = told(driver), right(driver, facts)
    if not driver.table.says_changes:
        expected = {key: session for key, session in expected.items() if session.final}
        assert all(result.final and result.count for result in results)
    last = {key: versions[-1] for key, versions in said_of(results, "start").items()}
    assert {key: result for key, result in last.items() if result.count} == expected
    for result in last.values():
        assert result.count or nothing_at(result)
    assert_each_was_true(results, driver, facts)
    if driver.table.says_every_change:
        changes = [result.last_offset for result in results if not result.final]
        assert changes == [event.offset for event in facts.kept]


def assert_each_was_true(results: list[Seen], driver: PartitionDriver, facts: Truth) -> None:
    """Each result was the session of its last record when that had come."""
    gap = gap_of(driver)
    kept = judged(facts.kept, gap)
    before: dict[int, list[Kept]] = {}
    for number, each in enumerate(kept, start=1):
        before[each.event.offset] = kept[:number]
    for result in results:
        until = result.end if result.final else -1
        known = sessions(before[result.last_offset], gap, until)
        mine = next(s for s in known.values() if s.last_offset == result.last_offset)
        if result.count:
            assert result == mine
        else:
            # What took the records over began earlier, and goes on from there.
            assert mine.symbol == result.symbol
            assert mine.start < result.start < mine.end
            assert result.revision == 2 * mine.last_offset + 1


def assert_readers_are_up_to_date(driver: PartitionDriver) -> None:
    """After a publication, what was folded before it is published, withdrawals too."""
    if driver.table.says_changes and not driver.state.behind:
        last = {(result.symbol, result.start): result for result in told(driver)}
        current = {key: result for key, result in last.items() if result.count}
        assert current == right(driver, now(driver))


def assert_answers(driver: PartitionDriver) -> None:
    """Queries see every record folded so far, wherever it is kept, and no other."""
    finalised, facts = driver.state.meta.finalised, now(driver)
    # A session that is closed goes when the retention has passed its start.
    limit = min(facts.stream_time - driver.table.retention, finalised)
    expected = right(driver, facts, finalised)
    for symbol in "ABC":
        assert answers(driver, symbol) == [
            session
            for key, session in sorted(expected.items())
            if key[0] == symbol and (not session.final or session.start >= limit)
        ]


def assert_rows(driver: PartitionDriver) -> None:
    """One row for each open session, one for each closed one that is kept; no other."""
    facts = now(driver)
    found = right(driver, facts, driver.state.meta.finalised).values()
    assert len(open_rows(driver)) == sum(not session.final for session in found)
    closed = {session.start for session in found if session.final}
    assert {int.from_bytes(row[-8:]) for row in rows(driver, 0, 1 << 60)} <= closed
    assert_rows_are_the_changelog(driver)


def assert_nothing_open_passes_for_final(driver: PartitionDriver) -> None:
    """Assert that what ends by `meta.finalised` is closed, wherever a publication stopped.

    Of sessions that end at one instant the last may be left for the next slice; no record can
    join them.
    """
    finalised = driver.state.meta.finalised
    for symbol in "ABC":
        for session in answers(driver, symbol):
            left = driver.state.behind and session.end == finalised
            assert session.final or session.end > finalised or left
