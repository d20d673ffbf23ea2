"""Rows of any table that can't be written: only the record that caused it is a dead letter."""

from collections.abc import AsyncIterable
from itertools import count
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.table import StateTable
from eventfold.engine.top_n_table import TopNTable
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS, Topic
from eventfold.windows import WindowResult

SECOND, MINUTE = 1_000, 60_000


class Note(Struct):
    """A note to be kept."""

    name: str
    text: str
    number: int
    time: int


class Kept(Struct):
    """State of a name."""

    name: str
    count: int
    length: int
    final: bool


class Notes(Struct):
    """State of all notes: their texts and the sum of their numbers."""

    texts: list[str] = msgspec.field(default_factory=list)
    sum: int = 0


class Collect:
    """An aggregate that grows without bound, in size and in value."""

    state = Notes
    version = 1

    def zero(self) -> Notes:
        """Return no notes."""
        return Notes()

    def add(self, state: Notes, record: Note, time: int, offset: int) -> None:
        """Keep a note."""
        del time, offset
        state.texts.append(record.text)
        state.sum += record.number * 8

    def merge(self, left: Notes, right: Notes) -> Notes:
        """Return the notes of both."""
        return Notes(left.texts + right.texts, left.sum + right.sum)


class Echo:
    """Processor that sends texts as long as a note asks for, and counts notes."""

    def on_record(self, state: int | None, record: Note, context: Any) -> int:
        """Send it."""
        context.send(Kept(record.name, 1, 1, final=False), to=KEPT)
        context.send(Note(record.name, "x" * record.number, 0, record.time), to=ECHOES)
        return (state or 0) + 1

    def on_time(self, state: int, context: Any) -> int:
        """Return the same."""
        del context
        return state

    def on_shared(self, record: Any, context: Any) -> None:
        """Ignore it."""


class KeepNotes:
    """Processor whose state is all notes of a key."""

    def on_record(self, state: Notes | None, record: Note, context: Any) -> Notes:
        """Keep a note."""
        del context
        state = state or Notes()
        Collect().add(state, record, 0, 0)
        return state

    def on_time(self, state: Notes, context: Any) -> Notes:
        """Return the same."""
        del context
        return state

    def on_shared(self, record: Any, context: Any) -> None:
        """Ignore it."""


def kept(result: WindowResult) -> Kept:
    """Make the record of a window, without the texts."""
    return Kept(result.key, result.count, sum(map(len, result.state.texts)), result.final)


NOTES = Topic("notes", Note, key="name", purpose="notes")
KEPT = Topic("kept", Kept, key="name", purpose="what is known")
ECHOES = Topic("echoes", Note, key="name", purpose="what is sent", partitions=1)

KINDS = ["1m", "5m/1m", "session 1m", "count 100", "keyed", "group"]
numbers = count()


def declare(kind: str, conf: Settings) -> tuple[TickApp, StateTable]:
    """Declare an application with a table of a kind."""
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    options: dict[str, Any] = {"name": f"unwritable-{next(numbers)}", "source": NOTES, "help": ""}
    table: StateTable
    if kind == "keyed":
        table = KeyedTable(
            app, process=KeepNotes(), state=Notes, outputs=[], retention=MINUTE, **options
        )
    elif kind == "group":
        table = TopNTable(
            app,
            group=lambda record: record.time - record.time % MINUTE,
            period=MINUTE,
            period_name=str,
            row=lambda record: Notes([record.text], record.number * 8),
            row_type=Notes,
            record=lambda result: Kept(result.key, len(result.rows), 0, final=False),
            origin=lambda record: (0, record.time),
            inputs=(),
            retention=MINUTE,
            **options,
        )
    else:
        table = WindowTable(
            app,
            windows=kind,
            aggregate=Collect(),
            record=kept,
            grace="1m",
            retention="1h",
            **options,
        )
        table.publish(KEPT)

    @app.agent(app.batches(NOTES))
    async def fold(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    return app, table


@pytest.mark.parametrize("kind", KINDS)
def test_record_that_makes_a_row_unwritable_is_a_dead_letter(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One makes it too large, one overflows 64 bits; all are in one batch, the others count."""
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("unwritable"))
    app, table = declare(kind, conf)
    large = 400_000 if kind != "group" else 999_990
    notes = [
        Note("ann", "a", 1, START),
        Note("ann", "x" * large, 1, START + 1),
        Note("bob", "b", 1, START + 2),
        Note("ann", "x" * (large if kind == "group" else 300_000), 1, START + 3),
        Note("ann", "x" * large, 1, START + 4),
        Note("bob", "b", 2**62, START + 5),
        Note("bob", "b", 2**62, START + 6),
        Note("ann", "z", 1, START + 7),
    ]
    blamed = {"group": {1, 3, 4, 5, 6}}.get(kind, {4, 5, 6})
    with TopologyDriver(app, partitions=1) as driver:
        driver.pipe(NOTES, *notes, partition=0)
        driver.settle()
        letters = driver.topic(DEAD_LETTERS)
        assert {each.offset for each in letters} == blamed
        assert len(letters) == len(blamed)
        reasons = {each.offset: each.error for each in letters}
        assert "more than 1,000,000" in reasons[4]
        assert "OverflowError" in reasons[5]
        driver.crash(lose_store=True)
        driver.pipe(NOTES, Note("bob", "c", 1, START + 8), partition=0)
        driver.settle()
        assert {each.offset for each in driver.topic(DEAD_LETTERS)} == blamed
        if isinstance(table, WindowTable):
            found = {(each.name, each.count) for each in driver.topic(KEPT)}
            assert {("ann", 4), ("bob", 2)} <= found
            assert not {("ann", 5), ("bob", 3)} & found
        else:
            assert sorted(table.keys()) == ["ann", "bob"]


def oversized(result: WindowResult) -> Note:
    """Make a record whose text has an eighth of the sum as its length."""
    return Note(result.key, "x" * (result.state.sum // 8), 0, result.start)


@pytest.mark.parametrize("kind", ["keyed", "window"])
def test_too_large_result_is_a_dead_letter_and_the_state_is_kept(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It has the offset of its source record; the results before and after it are written."""
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("results"))
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    table: StateTable
    if kind == "keyed":
        table = KeyedTable(
            app,
            name="shouts",
            source=NOTES,
            process=Echo(),
            state=int,
            outputs=[KEPT, ECHOES],
            retention=MINUTE,
            help="",
        )
    else:
        table = WindowTable(
            app,
            name="shouts",
            source=NOTES,
            windows="1m",
            aggregate=Collect(),
            record=oversized,
            grace="1m",
            retention="1h",
            help="",
        )
        table.publish(ECHOES)

    @app.agent(app.batches(NOTES))
    async def fold(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    lengths = [10, 1_100_000, 20]
    with TopologyDriver(app, partitions=1) as driver:
        for number, length in enumerate(lengths):
            driver.pipe(NOTES, Note(f"n{number}", "", length, START + number), partition=0)
        driver.settle()
        (letter,) = driver.topic(DEAD_LETTERS)
        assert (letter.offset, letter.key, letter.stage) == (1, "n1", "shouts")
        assert letter.error.startswith("TooLargeError: a record for echoes (b'n1') would have 1,1")
        assert [len(each.text) for each in driver.topic(ECHOES)] == [10, 20]
        assert sorted(table.keys()) == ["n0", "n1", "n2"]
