"""Keyed state that is set, deleted, waits for timers and expires, compared with a model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from partition_driver import Drive
from plans import PLANS, Step, edges, run_step
from prometheus_client import REGISTRY
from raw_records import NOON, Raw

from app.worker import TickApp
from eventfold.engine import keyed_state
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.operators.processor import Context
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS, Topic

RETENTION, GRACE, ALARM = 60_000, 5_000, 20_000

#: Values that delete the state, and that set a timer.
DELETE, AWAIT = 0, 3


class Put(Struct):
    """A value for a shelf; 0 deletes it."""

    shelf: str
    value: int
    time: int


class Note(Struct):
    """Content of a shelf when a record came, or when a timer fired (`value` None)."""

    shelf: str
    held: int | None
    value: int | None
    time: int
    late: bool


PUTS = Topic("puts", Put, key="shelf", purpose="values for shelves", partitions=1)
NOTES = Topic("notes", Note, key="shelf", purpose="what shelves held", partitions=1)


class Shelves:
    """Keeps the last value of a shelf."""

    def on_record(self, state: int | None, record: Put, context: Context) -> int | None:
        """Store the value, and send a note of the one before."""
        context.send(Note(record.shelf, state, record.value, record.time, context.late))
        if record.value == AWAIT:
            context.timer(record.time + ALARM)
        return record.value or None

    def on_time(self, state: int, context: Context) -> int | None:
        """Send a note that the timer fired."""
        context.send(Note(context.key, state, None, context.time, context.late))
        return state

    def on_shared(self, record: object, context: Context) -> None:
        """Do nothing with broadcast state."""


class Held(NamedTuple):
    """A state of the model; the time (ms) of its newest record, and of its timer."""

    value: int
    last: int
    timer: int | None

    @property
    def due(self) -> int:
        """The time of its timer, or of its expiry if it has none (ms)."""
        return self.last + RETENTION if self.timer is None else self.timer


class Model:
    """Model of the states and notes that records lead to."""

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
            timer = put.time + ALARM if put.value == AWAIT else before.timer
            self.held[put.shelf] = Held(put.value, max(before.last, put.time), timer)

    def _pass_time(self) -> None:
        while self.held:
            due, shelf = min((held.due, shelf) for shelf, held in self.held.items())
            if due > self._reached - GRACE:
                return
            held = self.held.pop(shelf)
            if held.timer is not None:
                self.notes.append(Note(shelf, held.value, None, due, late=False))
                self.held[shelf] = held._replace(timer=None)


@st.composite
def puts(draw: st.DrawFn) -> list[Put]:
    """Draw values for three shelves; most times are at an edge, or a millisecond off."""
    onward = edges(1, GRACE, ALARM, ALARM + GRACE, RETENTION, RETENTION + GRACE)
    behind = st.just(0) | st.just(0) | edges(1, GRACE, ALARM, RETENTION) | st.integers(0, RETENTION)
    fields = st.tuples(st.sampled_from("ABC"), st.sampled_from([0, 0, 1, 2, 3]), onward, behind)
    length, clock, drawn = draw(st.integers(1, 30)), NOON, []
    for shelf, value, step, lag in draw(st.lists(fields, min_size=length, max_size=length)):
        clock += 0 if lag else step
        drawn.append(Put(shelf, value, clock - lag))
    return drawn


def raw_of(records: Sequence[Put]) -> list[Raw]:
    """Return records as they are in Kafka."""
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
def test_each_key_has_its_last_state_after_any_crash(
    shelves: KeyedTable, drive: Drive, records: list[Put], plan: list[Step]
) -> None:
    """It is kept for the retention after its newest record; timers fire once, in order.

    A deleted state leaves no row, however often it was set within a checkpoint.
    """
    with drive(shelves, raw_of(records)) as driver:

        def held() -> dict[str, int]:
            return {key.decode(): driver.state.state_of(key) for key in driver.state.all_keys()}

        for step in plan:
            run_step(driver, step)
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


def test_a_key_deleted_set_and_deleted_in_one_checkpoint_stays_deleted(
    shelves: KeyedTable, drive: Drive
) -> None:
    """Its row of an earlier checkpoint is deleted too: a restart does not restore it."""
    values = [1, DELETE, 2, DELETE]
    with drive(shelves, raw_of([Put("A", value, NOON) for value in values])) as driver:
        driver.fold(1)
        driver.checkpoint()
        driver.settle()
        driver.crash(store="lost")
        assert driver.state.all_keys() == set()


def test_the_longest_keys_are_restored_after_a_crash(shelves: KeyedTable, drive: Drive) -> None:
    """Their rows sort after the meta row, all others before it."""
    names = ["A", "m" * 0x5F60]
    with drive(shelves, raw_of([Put(name, 1, NOON) for name in names])) as driver:
        driver.settle()
        driver.crash(store="lost")
        assert driver.state.all_keys() == {name.encode() for name in names}


async def test_a_batch_of_a_task_that_does_not_run_is_ignored(
    shelves: KeyedTable, drive: Drive
) -> None:
    """Its records are fetched again for the task that runs then."""
    with drive(shelves, raw_of([Put("A", 1, NOON)])) as driver:
        shelves.open(driver.state)
        try:
            await shelves.fold(Batch(driver.task, driver.raw))
        finally:
            shelves.close(driver.state)
        assert driver.state.all_keys() == set()


def test_a_keyed_table_without_a_version_has_version_1_for_good(shelves: KeyedTable) -> None:
    """Rows of another layout are rejected, so the default version must never change."""
    assert shelves.layout == "int 1"


@pytest.mark.parametrize(("early", "kept"), [(1, True), (0, False)])
def test_an_older_record_does_not_shorten_the_retention(
    shelves: KeyedTable, drive: Drive, early: int, *, kept: bool
) -> None:
    """It begins at the newest record, and ends to the millisecond."""
    end = NOON + RETENTION + GRACE - early
    records = [Put("A", 1, NOON), Put("A", 2, NOON - GRACE), Put("B", 1, end)]
    with drive(shelves, raw_of(records)) as driver:
        driver.settle()
        assert (driver.state.state_of(b"A") is not None) is kept


class OversizedNotes(Shelves):
    """Keeps values, and sends for each a note larger than a record may be."""

    def on_record(self, state: int | None, record: Put, context: Context) -> int | None:
        """Store the value, and send an oversized note; set a timer if asked to."""
        if record.value == AWAIT:
            context.timer(record.time + ALARM)
        context.send(Note("x" * 4_100, state, record.value, record.time, context.late))
        return record.value


@pytest.mark.parametrize(("shelf", "kept"), [("A", True), ("A" * 600, False)])
def test_an_oversized_output_is_a_dead_letter_alone_or_with_its_record(
    application: TickApp, drive: Drive, shelf: str, *, kept: bool
) -> None:
    """Large records are undone as a whole; of small ones only the output is left out."""
    table = KeyedTable(
        application,
        name=f"oversized-{len(shelf)}",
        source=PUTS,
        process=OversizedNotes(),
        state=int,
        outputs=[NOTES],
        retention=RETENTION,
        help="what shelves hold",
    )
    (raw,) = raw_of([Put(shelf, 1, NOON)])
    with drive(table, [raw]) as driver:
        driver.state.outputs.largest = 4_000
        driver.settle()
        assert driver.state.state_of(shelf.encode()) == (1 if kept else None)
        (letter,) = driver.written(DEAD_LETTERS, DeadLetter)
        assert (letter.offset, letter.stage) == (0, table.name)
        assert (letter.value == raw.value) is not kept
        assert "TooLargeError" in letter.error


def test_an_oversized_output_after_a_timer_is_a_dead_letter_alone(
    application: TickApp, drive: Drive
) -> None:
    """As before the timer: the record that sends it counts."""
    table = KeyedTable(
        application,
        name="oversized-after-timer",
        source=PUTS,
        process=OversizedNotes(),
        state=int,
        outputs=[NOTES],
        retention=RETENTION,
        help="what shelves hold",
    )
    records = [Put("A", AWAIT, NOON), Put("A", 1, NOON + ALARM), Put("B", 2, NOON + ALARM)]
    with drive(table, raw_of(records)) as driver:
        driver.state.outputs.largest = 4_000
        driver.settle()
        assert driver.written(NOTES, Note) == [Note("A", AWAIT, None, NOON + ALARM, False)]
        assert [driver.state.state_of(shelf) for shelf in (b"A", b"B")] == [1, 2]
        assert [each.offset for each in driver.written(DEAD_LETTERS, DeadLetter)] == [0, 1, 2]


class Texts:
    """Keeps a text of the length that was put last; a timer adds to the first one."""

    def on_record(self, state: str | None, record: Put, context: Context) -> str:
        """Replace the text."""
        if state is None:
            context.timer(record.time + ALARM)
        return "x" * record.value

    def on_time(self, state: str, context: Context) -> str:
        """Make the text longer than a record may make it."""
        del context
        return state + "x" * 300

    def on_shared(self, record: object, context: Context) -> None:
        """Do nothing with broadcast state."""


@pytest.mark.parametrize(("more", "kept"), [(-1, True), (0, True), (1, False)])
def test_a_state_that_is_too_large_already_may_shrink_but_not_grow(
    application: TickApp, drive: Drive, more: int, *, kept: bool
) -> None:
    """A timer may have made it too large; records may shrink it step by step."""
    table = KeyedTable(
        application,
        name=f"texts-{more}",
        source=PUTS,
        process=Texts(),
        state=str,
        outputs=[NOTES],
        retention=RETENTION,
        help="texts",
    )
    records = [Put("A", 3_600, NOON), Put("B", 1, NOON + ALARM)]
    records.append(Put("A", 3_900 + more, NOON + ALARM))
    with drive(table, raw_of(records)) as driver:
        # A record may make a row of 3,750 bytes, a timer one of 4,000.
        driver.state.outputs.largest = 4_000
        driver.fold(2)
        driver.checkpoint()
        driver.settle()
        assert driver.state.state_of(b"A") == "x" * (3_900 + more if kept else 3_900)
        assert [each.offset for each in driver.written(DEAD_LETTERS, DeadLetter)] == (
            [] if kept else [2]
        )


def test_the_queue_of_timers_is_not_rebuilt_for_each_new_key(
    shelves: KeyedTable, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only once most of it is void, so a record costs the same however many keys there are."""
    rebuilt: list[int] = []
    heapify = keyed_state.heapify
    monkeypatch.setattr(keyed_state, "FEW", 10)
    monkeypatch.setattr(
        keyed_state, "heapify", lambda heap: rebuilt.append(len(heap)) or heapify(heap)
    )
    names = [f"S{number:02}" for number in range(50)]
    records = [Put(name, 1, NOON) for name in names]
    # Each new timer of a key is earlier than the one before it, which is void from then on.
    earlier = [Put("A", AWAIT, NOON - number) for number in range(200)]
    with drive(shelves, raw_of([*records, *earlier])) as driver:
        driver.fold(len(records))
        assert rebuilt == []
        driver.fold_rest()
        assert rebuilt == [51, 51, 51]


class SendsToNamesakes(Shelves):
    """Sends to the declared topic, or to another one of its name."""

    def on_record(self, state: int | None, record: Put, context: Context) -> int | None:
        """Send to the topic that the value names."""
        del state
        topic = NOTES if record.value == 1 else replace(NOTES, partitions=record.value)
        context.send(Note(record.shelf, None, record.value, 0, context.late), to=topic)
        return record.value


def test_a_topic_that_only_has_the_name_of_an_output_can_not_be_sent_to(
    application: TickApp, drive: Drive
) -> None:
    """Whether or not a record was sent to the output before; a topic equal to it is the same."""
    table = KeyedTable(
        application,
        name="namesakes",
        source=PUTS,
        process=SendsToNamesakes(),
        state=int,
        outputs=[replace(NOTES)],
        retention=RETENTION,
        help="what shelves hold",
    )
    with drive(table, raw_of([Put("A", value, NOON) for value in (2, 1, 2, 1)])) as driver:
        driver.settle()
        assert [note.value for note in driver.written(NOTES, Note)] == [1, 1]
        letters = driver.written(DEAD_LETTERS, DeadLetter)
        assert [each.offset for each in letters] == [0, 2]
        assert {each.error for each in letters} == {
            "TypeError: namesakes can't send notes: its outputs are notes"
        }


class BroadcastShelves(Shelves):
    """Keeps values, and puts those of some shelves into broadcast state."""

    def on_shared(self, record: Put, context: Context) -> None:  # type: ignore[override]
        """Put the value into broadcast state, or delete it."""
        context.share(record.shelf, record.value or None)


def test_changed_rows_include_those_of_broadcast_state(application: TickApp, drive: Drive) -> None:
    """Memory is estimated by them; with too few, a task would fold more than fits."""
    table = KeyedTable(
        application,
        name="broadcast-shelves",
        source=PUTS,
        process=BroadcastShelves(),
        state=int,
        shared=int,
        key=lambda put: None if put.shelf.startswith("!") else put.shelf,
        outputs=[NOTES],
        retention=RETENTION,
        help="what shelves hold, and broadcast state",
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


def test_late_records_of_a_keyed_table_are_counted_alone(shelves: KeyedTable, drive: Drive) -> None:
    """The metric has those that `context.late` is true for, and no other."""
    late = [Put("A", 1, NOON), Put("A", 2, NOON - GRACE - 1), Put("A", 1, NOON - GRACE)]
    labels = {"table": shelves.name, "partition": "0"}

    def counted() -> float:
        return REGISTRY.get_sample_value("eventfold_late_total", labels) or 0

    with drive(shelves, raw_of(late)) as driver:
        before = counted()
        driver.settle()
        assert [note.late for note in driver.written(NOTES, Note)] == [False, True, False]
        assert counted() - before == 1
