"""What a table of several partitions answers, and how it names what it can't be."""

from collections.abc import Iterator

import pytest
from partition_driver import Drive, NewTable, PartitionDriver
from plans import MINUTE
from prometheus_client import REGISTRY
from raw_records import NOON, raw_tick

from app.batching.tables import TaskTableManager
from app.calc.candles import candle
from app.records import Tick
from app.state.window_table import WindowTable
from app.topics import TICKS
from app.windows import Ohlc, tumbling
from app.worker import TickApp

ONE = tumbling(MINUTE)


@pytest.fixture
def table(new_table: NewTable) -> WindowTable:
    """Give a table of minutes, and of five."""
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


def test_a_table_answers_from_each_partition_that_is_open_here(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """Before anything was checkpointed, and from the store; windows oldest first."""
    for settle in (PartitionDriver.fold_rest, PartitionDriver.settle):
        for driver in partitions:
            settle(driver)
        assert table.partitions == [0, 1]
        assert table.keys() == ["A", "B", "C"]
        assert table.keys(limit=2) == ["A", "B"]
        assert [c.close for c in table.read("A", ONE, 0, NOON + 60 * MINUTE)] == [1.0, 3.0]
        # Of a symbol in two partitions, both have a say.
        assert [(c.start, c.partition) for c in table.read("B", ONE, 0, NOON + 60 * MINUTE)] == [
            (NOON, 1),
            (NOON + MINUTE, 0),
        ]
        assert [c.count for c in table.read("A", tumbling(5 * MINUTE), NOON, NOON + 1)] == [2]
        assert table.span("A") == (NOON, NOON + 2 * MINUTE)
        assert table.span("B") == (NOON, NOON + 2 * MINUTE)
        assert [c.size for c in table.rows_of("A")] == [MINUTE, MINUTE, 5 * MINUTE]


def test_a_key_that_is_not_here_has_no_windows(
    table: WindowTable, partitions: list[PartitionDriver]
) -> None:
    """And none are made up for it by asking."""
    partitions[0].settle()
    assert table.rows_of("Z") == table.read("Z", ONE, 0, 1 << 62) == []
    assert table.span("Z") is None
    with pytest.raises(KeyError):
        table["Z"]
    assert table.keys() == ["A", "B"]


def test_a_closed_partition_answers_no_more(
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
    """Each part has windows of its own, which its producers have to hear of."""

    def count() -> float:
        labels = {"table": table.name}
        return REGISTRY.get_sample_value("tickstream_split_keys_total", labels) or 0

    table._seen.clear()
    before = count()
    for driver in partitions:
        driver.fold_rest()
    assert count() == before + 1
    assert "B is in partitions 0 and 1 of ticks" in caplog.text


def test_a_name_can_be_given_to_one_table_only(application: TickApp, table: WindowTable) -> None:
    """Two would share a changelog."""
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
    """Partitioned as its source, compacted."""
    assert table.changelog.name == f"tickstream-{table.name}-changelog"
    assert table.changelog.partition_count() == TICKS.partition_count()
    assert table.changelog.config()["cleanup.policy"] == "compact"
