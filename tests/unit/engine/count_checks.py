"""Checks of a partition of count windows, against a computation from all of its ticks."""

from candle_truth import Truth, truth
from collected_events import WindowRecord, answers, group_results, published
from count_truth import key_runs, window, windows
from partition_driver import PartitionDriver

#: A grace (ms) that no tick exceeds: count windows have no late records.
UNLIMITED_GRACE = 1 << 50


def expected_windows(driver: PartitionDriver, facts: Truth) -> list[WindowRecord]:
    """Compute the windows within the retention, in order of the first offset."""
    (definition,) = driver.table.windows
    found = [
        each
        for run in key_runs(facts.kept, driver.table.retention)
        for each in windows(run, definition.records, definition.every)
        if each.final or run.is_current
    ]
    return sorted(found, key=lambda each: each.first_offset)


def truth_so_far(driver: PartitionDriver) -> Truth:
    """Compute the truth about the ticks folded so far."""
    return truth(driver.raw[: driver.folded], UNLIMITED_GRACE)


def assert_published(driver: PartitionDriver, facts: Truth) -> None:
    """Check the committed results: the last of each window, those before it, and no duplicate."""
    results, expected = published(driver), expected_windows(driver, facts)
    last = {
        key[1]: versions[-1] for key, versions in group_results(results, "first_offset").items()
    }
    finals = [result for result in last.values() if result.final]
    assert sorted(finals, key=lambda s: s.first_offset) == [s for s in expected if s.final]
    assert_each_result_was_right(results, driver, facts)
    if not driver.table.strategy.publishes_changes:
        assert finals == list(last.values())
        return
    # A window that was open when its symbol expired may be published in its state at that time.
    for each in expected:
        assert last[each.first_offset] == each
    if driver.table.strategy.publishes_every_change:
        assert_every_change(results, driver, facts)


def assert_each_result_was_right(
    results: list[WindowRecord], driver: PartitionDriver, facts: Truth
) -> None:
    """Check that each result was its window when its last record had arrived."""
    (definition,) = driver.table.windows
    for result in results:
        (run,) = (
            run.events
            for run in key_runs(facts.kept, driver.table.retention)
            if result.last_offset in [event.offset for event in run.events]
        )
        offsets = [event.offset for event in run]
        begin, last = offsets.index(result.first_offset), offsets.index(result.last_offset)
        assert begin % definition.every == 0
        assert result == window(run[begin : last + 1], definition.records)


def assert_every_change(results: list[WindowRecord], driver: PartitionDriver, facts: Truth) -> None:
    """Assert that each record makes a result for each window that it is in."""
    (definition,) = driver.table.windows
    found = sorted((result.last_offset, result.first_offset) for result in results)
    assert found == sorted(
        (event.offset, run.events[begin].offset)
        for run in key_runs(facts.kept, driver.table.retention)
        for number, event in enumerate(run.events)
        for begin in range(0, number + 1, definition.every)
        if number < begin + definition.records
    )


def assert_answers(driver: PartitionDriver) -> None:
    """Check that queries see every record folded so far, in memory or stored, and no other."""
    facts = truth_so_far(driver)
    limit = facts.stream_time - driver.table.retention
    for symbol in "ABC":
        found = [
            each
            for each in expected_windows(driver, facts)
            if each.symbol == symbol and (not each.final or each.start >= limit)
        ]
        assert answers(driver, symbol) == sorted(
            found, key=lambda s: (s.start, s.end, s.first_offset)
        )


def assert_ranges(driver: PartitionDriver, begin: int, end: int) -> None:
    """Check that a range query returns the windows that start in it, and finds their keys."""
    (definition,) = driver.table.windows
    for symbol in "ABC":
        every = answers(driver, symbol)
        inside = [each for each in every if begin <= each.start < end]
        assert answers(driver, symbol, begin, end) == inside
        assert not inside or symbol.encode() in set(driver.state.keys_of(definition, begin, end))
        span = driver.state.span(symbol.encode())
        for each in every:
            assert span is not None
            assert span[0] <= each.start < span[1]
