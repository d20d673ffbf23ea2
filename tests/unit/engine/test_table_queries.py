"""Answers of a table of several partitions, and the names of its errors."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from partition_driver import Drive, NewTable, PartitionDriver
from plans import MINUTE
from prometheus_client import REGISTRY
from raw_records import NOON, raw_tick

from app.market.records import Tick
from app.market.topics import TICKS
from app.worker import TickApp
from eventfold.aggregates import Ohlc
from eventfold.engine.key_places import KeyPlaces
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.records.candles import candle
from eventfold.windows import (
    EmitStrategy,
    at_most_every,
    every_change,
    on_close,
    parse_window,
    tumbling,
)

ONE = tumbling(MINUTE)


@pytest.fixture
def table(new_table: NewTable) -> WindowTable:
    """Return a table of windows of 1 and 5 minutes."""
    return new_table("1m,5m", 0, 60 * MINUTE)


@pytest.fixture
def partitions(table: WindowTable, drive: Drive) -> Iterator[list[PartitionDriver]]:
    """Open two of its partitions: A and B in one, C and, wrongly, B in the other."""
    ticks = [
        [Tick("A", 1.0, NOON), Tick("B", 2.0, NOON + MINUTE), Tick("A", 3.0, NOON + MINUTE)],
        [Tick("C", 4.0, NOON), Tick("B", 5.0, NOON)],
    ]
    with (
        drive(table, [raw_tick(n, tick) for n, tick in enumerate(ticks[0])]) as first,
        drive(table, [raw_tick(n, tick) for n, tick in enumerate(ticks[1])], partition=1) as second,
    ):
        for driver in (first, second):
            table.open(driver.state)
        yield [first, second]
        for driver in (first, second):
            table.close(driver.state)


def test_a_table_answers_from_each_partition_that_is_open_locally(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """Before a checkpoint and from the store; windows oldest first."""
    for settle in (PartitionDriver.fold_rest, PartitionDriver.settle):
        for driver in partitions:
            settle(driver)
        assert table.partitions == [0, 1]
        assert table.keys() == ["A", "B", "C"]
        assert table.keys(limit=2) == ["A", "B"]
        assert [c.close for c in table.read("A", ONE, 0, NOON + 60 * MINUTE)] == [1.0, 3.0]
        # The windows of a symbol in both partitions count.
        assert [(c.start, c.partition) for c in table.read("B", ONE, 0, NOON + 60 * MINUTE)] == [
            (NOON, 1),
            (NOON + MINUTE, 0),
        ]
        assert [c.count for c in table.read("A", tumbling(5 * MINUTE), NOON, NOON + 1)] == [2]
        assert table.span("A") == (NOON, NOON + 2 * MINUTE)
        assert table.span("B") == (NOON, NOON + 2 * MINUTE)
        assert [c.size for c in table.rows_of("A")] == [MINUTE, MINUTE, 5 * MINUTE]


def test_an_unknown_key_has_no_windows(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """A query does not create any."""
    partitions[0].settle()
    assert table.rows_of("Z") == table.read("Z", ONE, 0, 1 << 62) == []
    assert table.span("Z") is None
    with pytest.raises(KeyError):
        table["Z"]
    assert table.keys() == ["A", "B"]


def test_a_closed_partition_is_not_answered(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """Its owner is another worker now."""
    for driver in partitions:
        driver.settle()
    table.close(partitions[0].state)
    assert table.partitions == [1]
    assert table.keys() == ["B", "C"]
    assert table.rows_of("A") == []


def test_a_key_in_two_partitions_is_counted_and_logged(
    table: WindowTable, partitions: list[PartitionDriver], caplog: pytest.LogCaptureFixture
) -> None:
    """Each partition has windows of its own for it, so its producers have to be corrected."""

    def count() -> float:
        labels = {"table": table.name}
        return REGISTRY.get_sample_value("eventfold_split_keys_total", labels) or 0

    table._places = KeyPlaces()
    before = count()
    for driver in partitions:
        driver.fold_rest()
    assert count() == before + 1
    assert "B is in partitions 0 and 1 of ticks" in caplog.text


def test_keys_are_found_by_the_exact_start_of_their_panes(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """In memory and in the store; a long range finds all keys."""
    first = partitions[0]
    for step in (PartitionDriver.fold_rest, PartitionDriver.settle):
        step(first)
        for begin, end, keys in (
            (NOON, NOON + 1, {b"A"}),
            (NOON - 1, NOON, set()),
            (NOON + 1, NOON + MINUTE, set()),
            (NOON + 1, NOON + MINUTE + 1, {b"A", b"B"}),
            (NOON + MINUTE, NOON + MINUTE + 1, {b"A", b"B"}),
        ):
            assert set(first.state._keys_over(begin, end)) == keys
        begin = NOON + 30 * MINUTE
        assert not set(first.state.keys_of(ONE, begin, begin + table.retention // 2))
        longer = begin + table.retention // 2 + 1
        assert set(first.state.keys_of(ONE, begin, longer)) == {b"A", b"B"}


def test_a_reader_can_substitute_other_states_for_the_open_ones(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """Such as those of standbys; afterwards the open ones answer, also after an exception."""
    for driver in partitions:
        driver.fold_rest()
    with table.reading([partitions[1].state]):
        assert (table.partitions, table.keys()) == ([1], ["B", "C"])
    with suppress(ZeroDivisionError), table.reading([]):
        assert table.partitions == []
        raise ZeroDivisionError
    assert (table.partitions, table.keys()) == ([0, 1], ["A", "B", "C"])
    assert table["A"] == table.rows_of("A") != []


def test_lateness_is_summed_up_over_the_partitions(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """Two records of the second partition were a minute behind, and are late."""
    for driver in partitions:
        driver.fold_rest()
    assert table.lateness() == {0: 5}
    late = [Tick("C", 1.0, NOON + MINUTE), Tick("C", 1.0, NOON), Tick("C", 1.0, NOON)]
    partitions[1].raw = [
        *partitions[1].raw,
        *(raw_tick(2 + n, each) for n, each in enumerate(late)),
    ]
    partitions[1].fold_rest()
    assert table.lateness() == {0: 6, 61_440: 2}
    assert (table.late_of("C"), table.late_of("A")) == (2, 0)


@pytest.mark.parametrize(
    ("windows", "options", "results"),
    [
        ("1m", {}, 1),
        ("1m,5m", {}, 2),
        ("5m/1m", {}, 5),
        ("5m/2m", {}, 3),
        ("1m,5m/1m,5m/2m", {}, 9),
        # Published on close only: they overlap too often.
        ("61m/1m,1m", {}, 1),
        ("60m/1m", {}, 60),
        ("61m/1m", {}, 1),
        ("61m/1m", {"emit": at_most_every("1s")}, 61),
        ("5m/1m", {"emit": on_close()}, 1),
    ],
)
def test_a_changed_pane_counts_a_result_for_each_window_that_holds_it(
    new_table: NewTable, windows: str, options: dict[str, Any], results: int
) -> None:
    """This is the estimate of results for a change; it is at least one."""
    assert new_table(windows, 0, **options).strategy.results_of_change == results


@pytest.mark.parametrize(
    ("windows", "panes", "step"),
    [
        ("1m", ["1m"], MINUTE),
        ("1m,5m", ["1m"], MINUTE),
        ("5m/1m", [], MINUTE),
        ("5m/1m,1m", ["1m"], MINUTE),
        ("5m/2m", [], 2 * MINUTE),
        ("2m,3m", [], 2 * MINUTE),
        ("5m,15m,30m/5m", ["5m"], 5 * MINUTE),
        ("1m+30s,5m+30s", ["1m+30s"], MINUTE),
    ],
)
def test_a_window_that_is_neither_cut_nor_overlapped_is_a_pane(
    new_table: NewTable, windows: str, panes: list[str], step: int
) -> None:
    """All others are folded from several panes."""
    table = new_table(windows, 0)
    assert [str(each) for each in table.strategy.pane_windows] == panes
    assert {*table.strategy.pane_windows, *table.strategy.folded_windows} == set(table.windows)
    assert len(table.strategy.pane_windows) + len(table.strategy.folded_windows) == len(
        table.windows
    )
    assert table.strategy.step == step
    assert table.strategy.longest == max(each.size for each in table.windows)


@pytest.mark.parametrize(
    ("window", "emit", "kept"),
    [
        ("60m/1m", None, False),
        ("61m/1m", None, True),
        ("61m/1m", at_most_every("5s"), False),
        ("60m/1m", on_close(), False),
        ("61m/1m", on_close(), True),
        ("1m", on_close(), False),
        ("5m/event", None, False),
        ("5m/event", every_change(), False),
        ("5m/event", on_close(), True),
    ],
)
def test_windows_that_share_most_panes_are_aggregated_incrementally(
    table: WindowTable, window: str, emit: EmitStrategy | None, *, kept: bool
) -> None:
    """If nothing of them is published before they are final."""
    table.strategy.emit, before = emit, table.strategy.emit
    try:
        assert table.strategy.aggregates_incrementally(parse_window(window)) is kept
    finally:
        table.strategy.emit = before


def test_two_tables_can_not_have_one_name(application: TickApp, table: WindowTable) -> None:
    """They would share a changelog."""
    with pytest.raises(ValueError, match=f"Table with name '{table.name}' already exists"):
        WindowTable(
            application,
            name=table.name,
            source=TICKS,
            windows=[ONE],
            aggregate=Ohlc(),
            record=candle,
            grace=0,
            retention=MINUTE,
            help="twice",
        )
    assert isinstance(application.tables, TaskTableManager)


def test_a_changelog_is_named_after_application_and_table(table: WindowTable) -> None:
    """It is partitioned as its source, and compacted."""
    assert table.changelog.name == f"tickstream-{table.name}-changelog"
    assert table.changelog.partition_count() == table.source.partition_count()
    assert table.changelog.config()["cleanup.policy"] == "compact"
