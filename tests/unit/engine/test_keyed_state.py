"""States of keys: set, deleted, awaited and forgotten, against a model that keeps nothing else."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from partition_driver import Drive
from plans import PLANS, Step, edges, follow
from raw_records import NOON, Raw

from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.operators.processor import Context
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS, Topic

RETENTION, GRACE, ALARM = 60_000, 5_000, 20_000

#: Values that delete the state, and that set a timer.
DELETE, AWAIT = 0, 3


class Put(Struct):
    """A value for a shelf; 0 empties it."""

    shelf: str
    value: int
    time: int


class Note(Struct):
    """Content of a shelf when a record came, or a timer fired (`value` None)."""

    shelf: str
    held: int | None
    value: int | None
    time: int
    late: bool


PUTS = Topic("puts", "shelf", Put, "values for shelves", partitions=1)
NOTES = Topic("notes", "shelf", Note, "what shelves held", partitions=1)


class Shelves:
    """Keeps the last value of a shelf."""

    def on_record(self, state: int | None, record: Put, context: Context) -> int | None:
        """Take a value in, and note what was there."""
        context.send(Note(record.shelf, state, record.value, record.time, context.late))
        if record.value == AWAIT:
            context.wake(record.time + ALARM)
        return record.value or None

    def on_time(self, state: int, context: Context) -> int | None:
        """Note that it was awaited."""
        context.send(Note(context.key, state, None, context.time, context.late))
        return state

    def on_shared(self, record: object, context: Context) -> None:
        """Share nothing."""


class Held(NamedTuple):
    """A value of the model; the time (ms) of its newest record, and of its timer."""

    value: int
    last: int
    wake: int | None

    @property
    def due(self) -> int:
        """The time of its timer, or of its expiry if it has none (ms)."""
        return self.last + RETENTION if self.wake is None else self.wake


class Model:
    """Model of what has to become of records."""

    def __init__(self, puts: Sequence[Put]) -> None:
        self.held: dict[str, Held] = {}
        self.notes: list[Note] = []
        self._reached = -1
        for put in puts:
            self._take(put)

    def _take(self, put: Put) -> None:
        if put.time > self._reached:
            self._reached = put.time
            self._pass_time()
        before = self.held.get(put.shelf, Held(0, -1, None))
        late = put.time < self._reached - GRACE
        self.notes.append(Note(put.shelf, before.value or None, put.value, put.time, late))
        if put.value == DELETE:
            self.held.pop(put.shelf, None)
        else:
            wake = put.time + ALARM if put.value == AWAIT else before.wake
            self.held[put.shelf] = Held(put.value, max(before.last, put.time), wake)

    def _pass_time(self) -> None:
        while self.held:
            due, shelf = min((held.due, shelf) for shelf, held in self.held.items())
            if due > self._reached - GRACE:
                return
            held = self.held.pop(shelf)
            if held.wake is not None:
                self.notes.append(Note(shelf, held.value, None, due, late=False))
                self.held[shelf] = held._replace(wake=None)


@st.composite
def puts(draw: st.DrawFn) -> list[Put]:
    """Return values for three shelves; most times are at an edge, or a millisecond off."""
    onward = edges(1, GRACE, ALARM, ALARM + GRACE, RETENTION, RETENTION + GRACE)
    behind = st.just(0) | st.just(0) | edges(1, GRACE, ALARM, RETENTION) | st.integers(0, RETENTION)
    fields = st.tuples(st.sampled_from("ABC"), st.sampled_from([0, 0, 1, 2, 3]), onward, behind)
    length, clock, drawn = draw(st.integers(1, 30)), NOON, []
    for shelf, value, step, lag in draw(st.lists(fields, min_size=length, max_size=length)):
        clock += 0 if lag else step
        drawn.append(Put(shelf, value, clock - lag))
    return drawn


def raw_of(records: Sequence[Put]) -> list[Raw]:
    """Return records as they lie in Kafka."""
    return [
        Raw(n, put.time, put.shelf.encode(), msgspec.json.encode(put))
        for n, put in enumerate(records)
    ]


@pytest.fixture(scope="module")
def shelves(application: TickApp) -> KeyedTable:
    """Declare the table."""
    return KeyedTable(
        application,
        name="shelves",
        source=PUTS,
        process=Shelves(),
        state=int,
        outputs=[NOTES],
        retention=RETENTION,
        grace=GRACE,
        help="what shelves hold",
    )


@settings(max_examples=100)
@given(puts(), PLANS)
def test_whatever_happens_each_key_has_its_last_state(
    shelves: KeyedTable, drive: Drive, records: list[Put], plan: list[Step]
) -> None:
    """For as long as its retention from its newest record on; timers fire once, in order.

    What is deleted leaves no row, however often it was made within a checkpoint.
    """
    with drive(shelves, raw_of(records)) as driver:

        def held() -> dict[str, int]:
            return {key.decode(): driver.state.state_of(key) for key in driver.state.all_keys()}

        for step in plan:
            follow(driver, step)
            model = Model(records[: driver.folded])
            assert held() == {shelf: each.value for shelf, each in model.held.items()}
        driver.settle()
        model = Model(records)
        left = {shelf: each.value for shelf, each in model.held.items()}
        assert held() == left
        assert driver.written(NOTES, Note) == model.notes
        assert {key.decode() for key in driver.state.store.prefixes()} == set(left)
        driver.crash(store="lost")
        assert held() == left


def test_a_key_deleted_made_again_and_deleted_within_a_checkpoint_is_gone(
    shelves: KeyedTable, drive: Drive
) -> None:
    """Its row of an earlier checkpoint is deleted as well: a restart does not bring it back."""
    values = [1, DELETE, 2, DELETE]
    with drive(shelves, raw_of([Put("A", value, NOON) for value in values])) as driver:
        driver.fold(1)
        driver.checkpoint()
        driver.settle()
        driver.crash(store="lost")
        assert driver.state.all_keys() == set()


def test_the_longest_keys_are_there_again_after_a_crash(shelves: KeyedTable, drive: Drive) -> None:
    """Their rows stand behind the meta row, all others before it."""
    names = ["A", "m" * 0x5F60]
    with drive(shelves, raw_of([Put(name, 1, NOON) for name in names])) as driver:
        driver.settle()
        driver.crash(store="lost")
        assert driver.state.all_keys() == {name.encode() for name in names}


async def test_a_batch_of_a_task_that_does_not_run_is_ignored(
    shelves: KeyedTable, drive: Drive
) -> None:
    """Its records come again, to the task that runs then."""
    with drive(shelves, raw_of([Put("A", 1, NOON)])) as driver:
        shelves.open(driver.state)
        try:
            await shelves.fold(Batch(driver.task, driver.raw))
        finally:
            shelves.close(driver.state)
        assert driver.state.all_keys() == set()


def test_a_table_that_names_no_version_reads_what_it_wrote_before(shelves: KeyedTable) -> None:
    """Rows are rejected where the layout differs: what none is named for is version 1 for good."""
    assert shelves.layout == "int 1"


@pytest.mark.parametrize(("early", "kept"), [(1, True), (0, False)])
def test_an_older_record_shortens_no_retention(
    shelves: KeyedTable, drive: Drive, early: int, *, kept: bool
) -> None:
    """It begins at the newest one, and ends to the millisecond."""
    end = NOON + RETENTION + GRACE - early
    records = [Put("A", 1, NOON), Put("A", 2, NOON - GRACE), Put("B", 1, end)]
    with drive(shelves, raw_of(records)) as driver:
        driver.settle()
        assert (driver.state.state_of(b"A") is not None) is kept


class Loud(Shelves):
    """Keeps values, and publishes of each more than a record may hold."""

    def on_record(self, state: int | None, record: Put, context: Context) -> int | None:
        """Take a value in, and shout."""
        context.send(Note("x" * 4_100, state, record.value, record.time, context.late))
        return record.value


@pytest.mark.parametrize(("shelf", "kept"), [("A", True), ("A" * 600, False)])
def test_what_can_not_be_sent_takes_its_record_along_where_the_state_is_restored(
    application: TickApp, drive: Drive, shelf: str, *, kept: bool
) -> None:
    """That is where rows are measured, since records are large; else it is left out alone."""
    table = KeyedTable(
        application,
        name=f"loud-{len(shelf)}",
        source=PUTS,
        process=Loud(),
        state=int,
        outputs=[NOTES],
        retention=RETENTION,
        help="what shelves hold",
    )
    (raw,) = raw_of([Put(shelf, 1, NOON)])
    with drive(table, [raw]) as driver:
        driver.state._largest = 4_000
        driver.settle()
        assert driver.state.state_of(shelf.encode()) == (1 if kept else None)
        (letter,) = driver.written(DEAD_LETTERS, DeadLetter)
        assert (letter.offset, letter.stage) == (0, table.name)
        assert (letter.value == raw.value) is not kept
        assert "TooLargeError" in letter.error


class Signs(Shelves):
    """Keeps values, and shares those of shelves that are signs."""

    def on_shared(self, record: Put, context: Context) -> None:  # type: ignore[override]
        """Share the value, or take it away."""
        context.share(record.shelf, record.value or None)


def test_what_waits_is_known_by_its_rows_those_of_shared_values_too(
    application: TickApp, drive: Drive
) -> None:
    """Memory is estimated by them: who estimates fewer folds more than fits."""
    table = KeyedTable(
        application,
        name="signs",
        source=PUTS,
        process=Signs(),
        state=int,
        shared=int,
        key=lambda put: None if put.shelf.startswith("!") else put.shelf,
        outputs=[NOTES],
        retention=RETENTION,
        help="what shelves and signs hold",
    )
    shelves = ["A", "!a", "B", "!b", "!a", "A", "!c"]
    records = [Put(shelf, 1, NOON + n) for n, shelf in enumerate(shelves)]
    with drive(table, raw_of(records)) as driver:
        driver.fold(5)
        assert driver.state.changed_rows == 4
        assert len(driver.checkpoint().rows) == 4 + 1
        assert driver.state.changed_rows == 0
        driver.fold_rest()
        assert driver.state.changed_rows == 2
        driver.crash()
        driver.settle()
        assert dict(driver.state.shared) == {"!a": 1, "!b": 1, "!c": 1}
