"""Checks of a partition of sessions, against a computation from all of its ticks."""

from candle_truth import Truth, truth
from collected_events import (
    WindowRecord,
    answers,
    assert_rows_are_the_changelog,
    group_results,
    open_rows,
    published,
    rows,
)
from partition_driver import PartitionDriver
from session_truth import Kept, sessions, with_lateness


def gap_of(driver: PartitionDriver) -> int:
    """Return the gap (ms) of the table's sessions."""
    return driver.table.windows[0].size


def expected_sessions(
    driver: PartitionDriver, facts: Truth, final_until: int | None = None
) -> dict[tuple[str, int], WindowRecord]:
    """Compute the expected sessions, by symbol and start."""
    if final_until is None:
        final_until = facts.stream_time - driver.table.grace
    gap = gap_of(driver)
    return sessions(with_lateness(facts.kept, gap), gap, final_until)


def truth_so_far(driver: PartitionDriver) -> Truth:
    """Compute the truth about the ticks folded so far."""
    return truth(driver.raw[: driver.folded], driver.table.grace)


def is_withdrawal(result: WindowRecord) -> bool:
    """Return whether a result withdraws the session that was published under its start."""
    return result.final and result.count == result.late == 0 and result.end == result.start


def assert_published(driver: PartitionDriver, facts: Truth) -> None:
    """Check that the highest revision of each start is right, and that each result was right."""
    results, expected = published(driver), expected_sessions(driver, facts)
    if not driver.table.strategy.publishes_changes:
        expected = {key: session for key, session in expected.items() if session.final}
        assert all(result.final and result.count for result in results)
    last = {key: versions[-1] for key, versions in group_results(results, "start").items()}
    assert {key: result for key, result in last.items() if result.count} == expected
    for result in last.values():
        assert result.count or is_withdrawal(result)
    assert_each_result_was_right(results, driver, facts)
    if driver.table.strategy.publishes_every_change:
        changes = [result.last_offset for result in results if not result.final]
        assert changes == [event.offset for event in facts.kept]


def assert_each_result_was_right(
    results: list[WindowRecord], driver: PartitionDriver, facts: Truth
) -> None:
    """Check that each result was the session of its last record when that had arrived."""
    gap = gap_of(driver)
    kept = with_lateness(facts.kept, gap)
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
            # The session that took the records over began earlier and continues.
            assert mine.symbol == result.symbol
            assert mine.start < result.start < mine.end
            assert result.revision == 2 * mine.last_offset + 1


def assert_results_are_current(driver: PartitionDriver) -> None:
    """Check that a publication has published all that was folded before it, and withdrawals."""
    if driver.table.strategy.publishes_changes and not driver.state.behind:
        last = {(result.symbol, result.start): result for result in published(driver)}
        current = {key: result for key, result in last.items() if result.count}
        assert current == expected_sessions(driver, truth_so_far(driver))


def assert_answers(driver: PartitionDriver) -> None:
    """Check that queries see every record folded so far, in memory or stored, and no other."""
    finalised, facts = driver.state.meta.finalised, truth_so_far(driver)
    # A closed session is deleted when the retention has passed its start.
    limit = min(facts.stream_time - driver.table.retention, finalised)
    expected = expected_sessions(driver, facts, finalised)
    for symbol in "ABC":
        assert answers(driver, symbol) == [
            session
            for key, session in sorted(expected.items())
            if key[0] == symbol and (not session.final or session.start >= limit)
        ]


def assert_rows(driver: PartitionDriver) -> None:
    """Check that there is one row for each open and each retained closed session, and no other."""
    facts = truth_so_far(driver)
    found = expected_sessions(driver, facts, driver.state.meta.finalised).values()
    assert len(open_rows(driver)) == sum(not session.final for session in found)
    closed = {session.start for session in found if session.final}
    assert {int.from_bytes(row[-8:]) for row in rows(driver, 0, 1 << 60)} <= closed
    assert_rows_are_the_changelog(driver)


def assert_ended_sessions_are_closed(driver: PartitionDriver) -> None:
    """Check that sessions that end by `meta.finalised` are closed, wherever a publication stopped.

    The last of several sessions that end at one instant may be left for the next slice; no
    record can join it.
    """
    finalised = driver.state.meta.finalised
    for symbol in "ABC":
        for session in answers(driver, symbol):
            left = driver.state.behind and session.end == finalised
            assert session.final or session.end > finalised or left
