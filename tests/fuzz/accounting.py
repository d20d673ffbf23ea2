"""Accounting of all records: none may be lost, duplicated, or too large for a broker."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from eventfold.engine import metrics
from eventfold.engine.batch import MAX_DEAD_VALUE
from eventfold.engine.rows import OPEN
from eventfold.engine.stateless import StatelessOperator
from eventfold.engine.table import StateTable
from eventfold.engine.window_state import WindowState
from eventfold.engine.window_table import WindowTable
from eventfold.harness.kafka import TopicRecord
from eventfold.records import DeadLetter
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import Window

#: Largest batch of a broker by default (`message.max.bytes`), less its header.
LARGEST_RECORD = 1_048_588 - 100


#: Events before this time (ms), 2026, are late from the beginning.
FIRST = 1_767_225_600_000


class Place(NamedTuple):
    """Coordinates of a record."""

    topic: str
    partition: int
    offset: int


def folded() -> Counter[tuple[str, int]]:
    """Return how many records each table has folded in each partition, in this process."""
    found: Counter[tuple[str, int]] = Counter()
    for metric in metrics.records.collect():
        for sample in metric.samples:
            if sample.name == "eventfold_records_total":
                place = sample.labels["table"], int(sample.labels["partition"])
                found[place] = int(sample.value)
    return found


def problems(
    driver: TopologyDriver, tables: Iterable[StateTable], counted: Counter[tuple[str, int]]
) -> Iterator[str]:
    """Yield the problems of a settled driver; `counted` is how many records each table folded."""
    tables = list(tables)
    dead = list(driver.topic(DEAD_LETTERS))
    written = {table.source.name: list(driver.records(table.source)) for table in tables}
    yield from _wrong_letters(dead, written)
    yield from _too_large(driver, tables)
    for table in tables:
        yield from _uncounted(table, dead, written[table.source.name], counted)
        if isinstance(table, WindowTable):
            yield from _outside_windows(table, dead, counted)
        if isinstance(table, StatelessOperator):
            yield from _without_output(driver, table, dead, written[table.source.name])


def _wrong_letters(dead: list[DeadLetter], written: dict[str, list[TopicRecord]]) -> Iterator[str]:
    """Yield a problem for each dead letter that is double, or without its record or value."""
    values = {
        Place(topic, record.partition, record.offset): record.value
        for topic, records in written.items()
        for record in records
    }
    for letter, times in Counter(
        (Place(d.topic, d.partition, d.offset), d.stage) for d in dead
    ).items():
        if times > 1:
            yield f"{letter}: {times} dead letters"
    for each in dead:
        if each.stage == "timer" or each.error.startswith("TooLargeError: a record for "):
            # A failed timer or output has the offset of its source record, but not its value.
            continue
        place = Place(each.topic, each.partition, each.offset)
        if place not in values:
            yield f"{place}: a dead letter of no record"
        elif each.value != (values[place] or b"")[:MAX_DEAD_VALUE] and each.value != values[place]:
            yield f"{place}: the dead letter has another value"


def _too_large(driver: TopologyDriver, tables: list[StateTable]) -> Iterator[str]:
    """Yield a problem for each written record that is too large for a broker."""
    sources = {table.source.name for table in tables}
    names = {topic.name for table in tables for topic in table.topics} | {DEAD_LETTERS.base_name}
    names |= {table.changelog.name for table in tables}
    for name in names - sources:
        for record in driver._kafka.written(name):
            size = len(record.key or b"") + len(record.value or b"")
            if size > LARGEST_RECORD:
                yield f"{name}: a record of {size} bytes, key {(record.key or b'')[:40]!r}"


def _uncounted(
    table: StateTable,
    dead: list[DeadLetter],
    records: list[TopicRecord],
    counted: Counter[tuple[str, int]],
) -> Iterator[str]:
    """Yield a problem for each partition with records neither folded nor dead letters."""
    there = Counter(record.partition for record in records)
    unread = Counter(
        d.partition for d in dead if d.topic == table.source.name and d.stage == "decode"
    )
    for number, count in there.items():
        if counted[table.name, number] + unread[number] != count:
            yield (
                f"{table.name}-{number}: {count} records, {unread[number]} unreadable, "
                f"{counted[table.name, number]} folded"
            )


def _outside_windows(
    table: WindowTable, dead: list[DeadLetter], counted: Counter[tuple[str, int]]
) -> Iterator[str]:
    """Yield a problem if a folded record is not judged, or one in time is in no tumbling window."""
    folded = sum(number for (name, _), number in counted.items() if name == table.name)
    failed = sum(d.stage == table.name for d in dead)
    judged = sum(table.lateness().values())
    if judged != folded - failed:
        yield f"{table.name}: {folded} folded, {failed} of them failed, {judged} judged"
    states = [state for state in table.open_states() if isinstance(state, WindowState)]
    keys = [(state, key) for state in states for key in state.all_keys()]
    late = sum(state.late_of(key) for state, key in keys)
    if any(state.meta.stream_time - table.retention > FIRST for state in states):
        return  # after an event of year 5138, which is accepted, windows are past their retention
    for window in table.windows:
        if isinstance(window, Window) and window.size == window.advance:
            inside = sum(each.count for s, key in keys for each in s.read(key, window, 0, OPEN))
            if inside + late != judged:
                yield f"{table.name}: {judged} judged, {late} late, {inside} in {window}"


def _without_output(
    driver: TopologyDriver,
    table: StatelessOperator,
    dead: list[DeadLetter],
    records: list[TopicRecord],
) -> Iterator[str]:
    """Yield a problem for each record that is neither sent on nor a dead letter."""
    name = table.source.name
    sent = {
        value.decode()
        for topic in table.topics
        for record in driver.records(topic)
        for header, value in record.headers
        if header == "source" and value.startswith(f"{name}-".encode())
    }
    failed = {(d.partition, d.offset) for d in dead if d.topic == name}
    for record in records:
        there = f"{name}-{record.partition}-{record.offset}" in sent
        if not there and (record.partition, record.offset) not in failed:
            yield f"{table.name}: nothing of {Place(name, record.partition, record.offset)}"
