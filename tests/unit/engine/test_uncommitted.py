"""Uncommitted memory of tasks: its size, its limit, and how much is published at once."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from partition_driver import Drive, NewTable
from raw_records import NOON, raw_tick

from app.market.records import Tick
from app.market.topics import TICKS_LATE
from app.worker import TickApp
from eventfold.engine import gauges
from eventfold.engine import portion as portions
from eventfold.engine.gauges import TaskGauges
from eventfold.engine.partition import ROW_BYTES
from eventfold.engine.portion import RESULT_BYTES, Appraisal, Portion
from eventfold.engine.uncommitted import OVERHEAD, Outgoing, Uncommitted, size_of
from eventfold.testing.loop import VirtualClock

ONE, OTHER, THIRD = (TopicPartition("ticks", n) for n in range(3))

Records = dict[tuple[str, int], list[tuple[bytes, bytes | None, Any]]]


def test_the_size_of_a_record_is_its_key_its_value_and_an_overhead() -> None:
    """A tombstone has no value."""
    assert size_of([]) == 0
    assert size_of([(b"key", b"value"), (b"k", None)]) == 2 * OVERHEAD + 8 + 1


def test_each_output_record_is_measured_once() -> None:
    """Topic by topic, as they grow."""
    outgoing, outputs = Outgoing(), Records()
    assert (outgoing.measure(outputs), outgoing.records) == (0, 0)
    outputs["a", 0] = [(b"k", b"12", []), (b"k", b"3", [])]
    for _ in range(2):
        assert outgoing.measure(outputs) == 2 * OVERHEAD + 5
        assert outgoing.records == 2
    outputs["a", 0].append((b"key", None, []))
    outputs["b", 1] = [(b"", b"x", [])]
    for _ in range(2):
        assert outgoing.measure(outputs) == 4 * OVERHEAD + 9
        assert outgoing.records == 4


def test_uncommitted_bytes_are_summed_up_until_tasks_close() -> None:
    """Each task counts with the bytes that it noted last."""
    held = Uncommitted(100)
    held.note(ONE, 70)
    held.note(OTHER, 20)
    held.note(ONE, 30)
    assert (held.total, held.of(ONE), held.of(OTHER), held.of(THIRD)) == (50, 30, 20, 0)
    held.forget(ONE)
    held.forget(THIRD)
    assert (held.total, held.of(ONE)) == (20, 0)


@pytest.mark.parametrize(
    ("one", "other", "backpressured"),
    [
        (100, 0, []),
        (101, 0, [ONE]),
        (50, 50, []),
        (51, 50, [ONE]),
        (51, 51, [ONE, OTHER]),
        (0, 101, [OTHER]),
    ],
)
def test_beyond_the_limit_partitions_over_their_share_are_backpressured(
    one: int, other: int, backpressured: list[TopicPartition]
) -> None:
    """Exactly the limit of 100 is within it, and exactly half of it is the share of one of two."""
    held = Uncommitted(100)
    held.note(ONE, one)
    held.note(OTHER, other)
    assert [tp for tp in (ONE, OTHER) if held.exceeded_by(tp)] == backpressured


@pytest.mark.parametrize(("results", "size"), [(3, 10**9), (10**9, 3 * (OVERHEAD + 1))])
def test_a_portion_is_full_with_its_last_allowed_result(
    monkeypatch: pytest.MonkeyPatch, results: int, size: int
) -> None:
    """By number or by bytes; records from before it do not count."""
    monkeypatch.setattr(portions, "RESULTS", results)
    monkeypatch.setattr(portions, "BYTES", size)
    outputs: Records = {("a", 0): [(b"old", b"record", [])] * 5}
    portion = Portion(Outgoing(), outputs)
    found = []
    for n in range(3):
        outputs.setdefault(("a", n), []).append((b"", b"x", []))
        found.append(portion.is_full)
    assert found == [False, False, True]
    assert portion.measure() == (3 * (OVERHEAD + 1), 3)


def test_the_number_of_results_that_fit_is_estimated_from_results_or_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the larger ones; at least one fits, and never more than the limit."""
    monkeypatch.setattr(portions, "BYTES", 100 * RESULT_BYTES)
    monkeypatch.setattr(portions, "RESULTS", 150)
    appraisal, outputs = Appraisal(), Records()
    assert appraisal.results([]) == 100
    assert appraisal.results([(b"", bytes(2 * RESULT_BYTES - OVERHEAD))] * 3) == 50
    assert appraisal.results([(b"", bytes(200 * RESULT_BYTES))]) == 1
    portion = Portion(Outgoing(), outputs)
    appraisal.learn(portion)
    assert appraisal.results([]) == 100, "no results change no estimate"
    outputs["a", 0] = [(b"", bytes(4 * RESULT_BYTES - OVERHEAD), [])] * 2
    appraisal.learn(portion)
    assert appraisal.results([]) == 25
    outputs["a", 0] += [(b"", b"", [])] * 10**5
    appraisal.learn(portion)
    assert appraisal.results([]) == 150


def test_uncommitted_bytes_include_the_checkpoint_that_is_being_written(
    new_table: NewTable, drive: Drive
) -> None:
    """Rows are estimated from those of the last checkpoint, results are measured."""
    raw = [raw_tick(n, Tick("ABC"[n], 1.5, NOON, 1)) for n in range(3)]
    raw.append(raw_tick(3, Tick("A", 1.5, NOON - 1, 1)))
    with drive(new_table("1m", 0), raw) as driver:
        state = driver.state
        driver.fold(1)
        assert state.uncommitted_bytes == ROW_BYTES
        driver.fold(1)
        assert state.uncommitted_bytes == 2 * ROW_BYTES
        snapshot = driver.snapshot()
        rows = size_of(snapshot.rows)
        written = rows + sum(
            size_of((key, value) for key, value, _ in records)
            for records in snapshot.outputs.values()
        )
        assert written > rows > 0
        assert state.uncommitted_bytes == written
        driver.fold(1)
        each = rows // len(snapshot.rows)
        assert state.uncommitted_bytes == written + each
        driver.commit(snapshot)
        assert state.uncommitted_bytes == each
        assert (state.uncommitted, state.dirty) == (1, True)
        driver.fold(1)
        late = size_of([(b"A", driver.state.outputs.records[TICKS_LATE.base_name, 0][0][1])])
        assert state.uncommitted_bytes == 2 * each + late
        driver.settle()
        assert (state.uncommitted_bytes, state.uncommitted, state.dirty) == (0, 0, False)


@pytest.mark.parametrize(
    ("passed", "due", "noted"),
    [
        (0.5, False, 0.5),
        (0.998, False, 0.998),
        (0.9995, True, 1.0),
        (1.0, True, 1.0),
        (1.9, True, 1.0),
        (2.0, True, 2.0),
        (7.5, True, 7.5),
    ],
)
def test_a_publication_is_due_each_interval(
    new_table: NewTable, drive: Drive, passed: float, noted: float, *, due: bool
) -> None:
    """A late one does not delay the next; an early one goes with the checkpoint of that time."""
    with drive(new_table("1m", 0), [raw_tick(0, Tick("A", 1.5, NOON, 1))]) as driver:
        state, clock = driver.state, VirtualClock(0)
        state.clock, state._published_at = clock, 0.0
        interval = state.table.publish_interval / 1_000
        now = passed * interval
        assert not state.publication_due(now), "there is nothing to publish"
        driver.fold_rest()
        assert state.publication_due(now) is due
        state.windows.behind = True
        assert state.publication_due(now)
        clock.monotonic = lambda: now
        assert state._publication_time() == noted * interval


@pytest.mark.parametrize("stream_time", [-1, 0, 1, 90_500])
def test_metrics_show_stream_time_from_the_first_record_on(
    application: TickApp, new_table: NewTable, drive: Drive, stream_time: int
) -> None:
    """In seconds, and its lag behind this machine's clock."""
    with drive(new_table("1m", 0), []) as driver, pytest.MonkeyPatch.context() as patch:
        patch.setattr(gauges.time, "time", lambda: 1_000.0)
        patch.setattr(application.tasks, "_by_partition", {driver.task.tp: driver.task})
        driver.task.states = [driver.state]
        driver.state.meta.stream_time = stream_time
        found = {
            each.name: each.value
            for metric in TaskGauges(application.tasks).collect()
            for each in metric.samples
            if each.labels.get("table") == driver.table.name and "time" in each.name
        }
        driver.task.states = []
    seconds = stream_time / 1_000
    shown = {
        "eventfold_stream_time_seconds": seconds,
        "eventfold_event_time_lag_seconds": 1_000 - seconds,
    }
    assert found == (shown if stream_time >= 0 else {})
