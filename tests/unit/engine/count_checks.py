"""Checks of a partition of count windows, against all of its ticks."""

from candle_truth import Truth, truth
from count_truth import lives, window, windows
from partition_driver import PartitionDriver
from trails import Seen, answers, said_of, told

#: Nothing is late for them (ms).
ANY = 1 << 50


def right(driver: PartitionDriver, facts: Truth) -> list[Seen]:
    """Compute the windows that the retention leaves, in order of the first offset."""
    (family,) = driver.table.windows
    found = [
        each
        for life in lives(facts.kept, driver.table.retention)
        for each in windows(life, family.records, family.every)
        if each.final or life.goes_on
    ]
    return sorted(found, key=lambda each: each.first_offset)


def now(driver: PartitionDriver) -> Truth:
    """Compute the truth about the ticks folded so far."""
    return truth(driver.raw[: driver.folded], ANY)


def assert_published(driver: PartitionDriver, facts: Truth) -> None:
    """Assert what is committed: the last of each window, what led there, and nothing twice."""
    results, expected = told(driver), right(driver, facts)
    last = {key[1]: versions[-1] for key, versions in said_of(results, "first_offset").items()}
    finals = [result for result in last.values() if result.final]
    assert sorted(finals, key=lambda s: s.first_offset) == [s for s in expected if s.final]
    assert_each_was_true(results, driver, facts)
    if not driver.table.says_changes:
        assert finals == list(last.values())
        return
    # A window that was open when its symbol expired is published as it was then, if at all.
    for each in expected:
        assert last[each.first_offset] == each
    if driver.table.says_every_change:
        assert_every_change(results, driver, facts)


def assert_each_was_true(results: list[Seen], driver: PartitionDriver, facts: Truth) -> None:
    """Each result was its window when its last record had come."""
    (family,) = driver.table.windows
    for result in results:
        (life,) = (
            life.events
            for life in lives(facts.kept, driver.table.retention)
            if result.last_offset in [event.offset for event in life.events]
        )
        offsets = [event.offset for event in life]
        begin, last = offsets.index(result.first_offset), offsets.index(result.last_offset)
        assert begin % family.every == 0
        assert result == window(life[begin : last + 1], family.records)


def assert_every_change(results: list[Seen], driver: PartitionDriver, facts: Truth) -> None:
    """Assert that each record makes a result for each window that it is in."""
    (family,) = driver.table.windows
    found = sorted((result.last_offset, result.first_offset) for result in results)
    assert found == sorted(
        (event.offset, life.events[begin].offset)
        for life in lives(facts.kept, driver.table.retention)
        for number, event in enumerate(life.events)
        for begin in range(0, number + 1, family.every)
        if number < begin + family.records
    )


def assert_answers(driver: PartitionDriver) -> None:
    """Queries see every record folded so far, wherever it is kept, and no other."""
    facts = now(driver)
    limit = facts.stream_time - driver.table.retention
    for symbol in "ABC":
        found = [
            each
            for each in right(driver, facts)
            if each.symbol == symbol and (not each.final or each.start >= limit)
        ]
        assert answers(driver, symbol) == sorted(
            found, key=lambda s: (s.start, s.end, s.first_offset)
        )


def assert_ranges(driver: PartitionDriver, begin: int, end: int) -> None:
    """Assert that a range returns the windows that start in it; their keys are found by it."""
    (family,) = driver.table.windows
    for symbol in "ABC":
        every = answers(driver, symbol)
        inside = [each for each in every if begin <= each.start < end]
        assert answers(driver, symbol, begin, end) == inside
        assert not inside or symbol.encode() in set(driver.state.keys_of(family, begin, end))
        span = driver.state.span(symbol.encode())
        for each in every:
            assert span is not None
            assert span[0] <= each.start < span[1]
